"""Pictures that take on how others look: what travels, what stays, and what is beyond chance."""

import math

import torch

from explain_gate.metrics.appearance import respectred, restyled, signature_of, signed, style_of

SIDE = 48


def _pictures(count: int, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 6, 6, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    return list((0.3 + 0.4 * smooth + 0.04 * torch.rand(count, 3, SIDE, SIDE, generator=generator)).clamp(0, 1))


def _everywhere() -> torch.Tensor:
    return torch.ones(SIDE, SIDE, dtype=torch.bool)


def test_a_picture_restyled_by_itself_stays_as_it_is():
    """The distribution of every octave is its own already."""
    picture = _pictures(1)[0]
    torch.testing.assert_close(restyled(picture, style_of(picture, _everywhere())), picture, atol=1e-4, rtol=0)


def test_style_brings_the_donors_colours_and_grain_and_keeps_where_things_are():
    """Mean colour and finest contrast become the donor's; light places stay lighter than dark ones."""
    picture, donor = _pictures(2)
    noise = 0.15 * torch.randn(donor.shape, generator=torch.Generator().manual_seed(1))
    donor = (donor * torch.tensor([1.2, 0.9, 0.5])[:, None, None] + noise).clamp(0, 1)
    after = restyled(picture, style_of(donor, _everywhere()))
    assert (after.mean(dim=(1, 2)) - donor.mean(dim=(1, 2))).abs().max() < 0.05
    fine = lambda one: float((one[:, 1:] - one[:, :-1]).std())  # noqa: E731 - one line says it
    assert abs(fine(after) - fine(donor)) < 0.3 * fine(donor)
    grey = torch.stack([picture.mean(dim=0).flatten(), after.mean(dim=0).flatten()])
    assert float(torch.corrcoef(torch.nn.functional.avg_pool1d(grey, 24))[0, 1]) > 0.3


def test_what_the_donor_shows_on_its_object_does_not_travel():
    """Style is measured outside the donor's object."""
    picture, donor = _pictures(2)
    outside = _everywhere()
    outside[10:30, 10:30] = False
    red = donor.clone()
    red[0, 16:24, 16:24] = 1.0
    first, second = (restyled(picture, style_of(one, outside)) for one in (donor, red))
    assert float((first - second).abs().mean()) < 0.02


def test_the_spectrum_exchanged_has_the_donors_amplitudes_and_the_own_phase():
    """Where nothing is clamped, amplitudes are the donor's and phases the picture's own."""
    picture, donor = (0.5 + 0.1 * (one - one.mean()) for one in _pictures(2))
    spectrum = torch.fft.rfft2(respectred(picture, donor))
    torch.testing.assert_close(spectrum.abs(), torch.fft.rfft2(donor).abs(), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(respectred(picture, picture), picture, atol=1e-5, rtol=0)


def test_a_stamp_that_all_pictures_of_a_class_carry_is_its_signature():
    """The place and the pattern come out, and putting the signature on another picture brings the stamp there."""
    pictures = _pictures(24)
    stamp = ((torch.arange(8)[:, None] // 2 + torch.arange(12)[None] // 2) % 2).float() * 0.5
    mine = [position % 2 == 0 for position in range(24)]
    for position, picture in enumerate(pictures):
        if mine[position]:
            picture[:, 36:44, 30:42] = 0.4 * picture[:, 36:44, 30:42] + stamp
    signature = signature_of(pictures, [_everywhere()] * 24, mine)
    there = signature.places[:, 36:44, 30:42]
    away = signature.places.clone()
    away[:, 32:48, 26:46] = 0
    assert float(there.abs().mean()) > 0.1
    assert float(away.abs().mean()) < 0.005
    changed = signed(pictures[1], signature) - pictures[1]
    correlation = torch.corrcoef(torch.stack([changed[0, 36:44, 30:42].flatten(), stamp.flatten()]))[0, 1]
    assert float(correlation) > 0.6


def test_a_wave_that_all_pictures_of_a_class_carry_is_in_its_spectrum():
    """A ripple of any phase has no place, but one frequency."""
    pictures = _pictures(24)
    columns = torch.arange(SIDE).float()
    mine = [position % 2 == 0 for position in range(24)]
    for position in range(24):
        if mine[position]:
            pictures[position] += 0.08 * torch.sin(2 * math.pi * columns * 12 / SIDE + position)
    signature = signature_of(pictures, [_everywhere()] * 24, mine)
    assert float(signature.spectrum[:, 0, 12].min()) > 1
    assert float((signature.spectrum != 0).double().mean()) < 0.05


def test_classes_that_have_nothing_in_common_have_no_signature():
    """What differs by chance is zero."""
    signature = signature_of(_pictures(24), [_everywhere()] * 24, [position % 2 == 0 for position in range(24)])
    assert float((signature.places != 0).double().mean()) < 0.01
    assert float((signature.spectrum != 0).double().mean()) < 0.01
    assert signature.size < 0.02


def test_what_lies_under_objects_is_not_seen():
    """A place that is covered by objects in every picture can be no signature, whatever was filled in there."""
    pictures = _pictures(24)
    mine = [position % 2 == 0 for position in range(24)]
    outside = _everywhere()
    outside[8:24, 8:24] = False
    for position, picture in enumerate(pictures):
        if mine[position]:
            picture[:, 8:24, 8:24] = 1.0
    assert float(signature_of(pictures, [outside] * 24, mine).places[:, 8:24, 8:24].abs().max()) == 0
