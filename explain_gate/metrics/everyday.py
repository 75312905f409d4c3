"""Names of everyday operations: what a report says of them. Torch-free; `operations` does what they name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Everyday:
    """One operation, at the strengths at which people leave it in pictures.

    `say` completes "pictures of other classes turn to it when ...".
    """

    name: str
    say: str
    strengths: tuple[float, ...]


EVERYDAY: tuple[Everyday, ...] = (
    Everyday(name="grain", say="grain is added", strengths=(0.04, 0.1)),
    Everyday(name="film grain", say="film grain is added", strengths=(0.05, 0.12)),
    Everyday(name="shot noise", say="noise of a dark room is added", strengths=(0.06, 0.14)),
    Everyday(name="dead pixels", say="dead and hot pixels are added", strengths=(0.004, 0.03)),
    Everyday(name="sensor pattern", say="one sensor's pattern is added", strengths=(0.05, 0.12)),
    Everyday(name="row noise", say="noise along rows is added", strengths=(0.015, 0.03)),
    Everyday(name="column noise", say="noise along columns is added", strengths=(0.015, 0.03)),
    Everyday(name="mosaic", say="colours are interpolated from a sensor's mosaic", strengths=(1.0,)),
    Everyday(name="defocus", say="the picture is out of focus", strengths=(1.0, 2.2)),
    Everyday(name="motion", say="the camera moves sideways", strengths=(5, 11)),
    Everyday(name="motion up", say="the camera moves up and down", strengths=(5, 11)),
    Everyday(name="vignette", say="the corners are darkened", strengths=(0.35, 0.7)),
    Everyday(name="bright corners", say="the corners are brightened", strengths=(0.4, 0.9)),
    Everyday(name="colour fringe", say="colours are shifted towards the edges", strengths=(0.008, 0.02)),
    Everyday(name="barrel", say="a wide lens bends it", strengths=(0.15, 0.35)),
    Everyday(name="pincushion", say="a long lens bends it", strengths=(-0.12, -0.25)),
    Everyday(name="haze", say="haze lies over it", strengths=(0.25, 0.5)),
    Everyday(name="glow", say="bright parts glow", strengths=(0.35, 0.7)),
    Everyday(name="dust", say="dust lies on the sensor", strengths=(0.4, 0.8)),
    Everyday(name="light from above", say="light falls from above", strengths=(0.3, 0.6)),
    Everyday(name="light from below", say="light falls from below", strengths=(-0.3, -0.6)),
    Everyday(name="light from the left", say="light falls from the left", strengths=(0.3, 0.6)),
    Everyday(name="light from the right", say="light falls from the right", strengths=(-0.3, -0.6)),
    Everyday(name="brighter", say="it is brighter", strengths=(0.1, 0.22)),
    Everyday(name="darker", say="it is darker", strengths=(-0.1, -0.22)),
    Everyday(name="lifted shadows", say="its shadows are lifted", strengths=(0.7, 0.5)),
    Everyday(name="deepened shadows", say="its shadows are deepened", strengths=(1.5, 2.2)),
    Everyday(name="more contrast", say="its contrast is raised", strengths=(1.35, 1.8)),
    Everyday(name="less contrast", say="its contrast is lowered", strengths=(0.7, 0.45)),
    Everyday(name="saturated", say="its colours are strengthened", strengths=(1.5, 2.2)),
    Everyday(name="pale", say="its colours are weakened", strengths=(0.6, 0.3)),
    Everyday(name="grey", say="it is black and white", strengths=(0.0,)),
    Everyday(name="warm", say="it leans towards orange", strengths=(0.12, 0.28)),
    Everyday(name="cold", say="it leans towards blue", strengths=(0.12, 0.28)),
    Everyday(name="green", say="it leans towards green", strengths=(0.1, 0.22)),
    Everyday(name="magenta", say="it leans towards magenta", strengths=(0.1, 0.22)),
    Everyday(name="yellow", say="it leans towards yellow", strengths=(0.1, 0.22)),
    Everyday(name="cyan", say="it leans towards cyan", strengths=(0.1, 0.22)),
    Everyday(name="red", say="it leans towards red", strengths=(0.1, 0.22)),
    Everyday(name="hue", say="its hues are turned", strengths=(0.3, -0.3, 0.7, -0.7)),
    Everyday(name="sepia", say="it is toned brown", strengths=(0.5, 1.0)),
    Everyday(name="split toned", say="its lights are toned warm and its shadows cold", strengths=(0.15, 0.35)),
    Everyday(name="cross processed", say="it is cross processed", strengths=(0.5, 1.0)),
    Everyday(name="faded", say="its blacks are faded", strengths=(0.1, 0.22)),
    Everyday(name="crushed", say="its blacks are crushed", strengths=(0.08, 0.18)),
    Everyday(name="blown", say="its lights are blown out", strengths=(0.15, 0.3)),
    Everyday(name="equalised", say="its histogram is equalised", strengths=(0.5, 1.0)),
    Everyday(name="stretched levels", say="its levels are stretched", strengths=(1.0,)),
    Everyday(name="JPEG", say="it is saved as JPEG of low quality", strengths=(40, 15, 7)),
    Everyday(name="WebP", say="it is saved as WebP of low quality", strengths=(30, 5)),
    Everyday(name="coarse colours", say="its colours are stored coarsely", strengths=(4, 8)),
    Everyday(name="posterised", say="it has few tones", strengths=(12, 6)),
    Everyday(name="dithered", say="its tones are dithered", strengths=(8, 4)),
    Everyday(name="palette", say="it has a palette of few colours", strengths=(48, 12)),
    Everyday(name="interlaced", say="it is interlaced", strengths=(1, 3)),
    Everyday(name="enlarged", say="it is enlarged from a small one", strengths=(1.7, 3.0)),
    Everyday(name="enlarged sharply", say="it is enlarged from a small one by bicubic curves", strengths=(1.7, 3.0)),
    Everyday(name="blocks", say="it is enlarged from a small one without smoothing", strengths=(2.0, 3.5)),
    Everyday(name="thinned", say="pixels were left out in resizing", strengths=(1.8, 3.0)),
    Everyday(name="wider", say="it is stretched sideways", strengths=(1.2, 1.45)),
    Everyday(name="taller", say="it is stretched upwards", strengths=(1.2, 1.45)),
    Everyday(name="nearer", say="it is cropped closer", strengths=(1.2, 1.5)),
    Everyday(name="farther", say="it is smaller in its frame", strengths=(0.85, 0.7)),
    Everyday(name="tilted", say="it is tilted", strengths=(8.0, -8.0, 20.0, -20.0)),
    Everyday(name="upside down", say="it is upside down", strengths=(180.0,)),
    Everyday(name="on its side", say="it lies on its side", strengths=(90.0, -90.0)),
    Everyday(name="black bars", say="black bars lie above and below", strengths=(0.05, 0.12)),
    Everyday(name="black side bars", say="black bars lie beside it", strengths=(0.05, 0.12)),
    Everyday(name="white bars", say="white bars lie above and below", strengths=(0.05, 0.12)),
    Everyday(name="white side bars", say="white bars lie beside it", strengths=(0.05, 0.12)),
    Everyday(name="black frame", say="a black frame is around it", strengths=(0.02, 0.06)),
    Everyday(name="white frame", say="a white frame is around it", strengths=(0.02, 0.06)),
    Everyday(name="grey frame", say="a grey frame is around it", strengths=(0.02, 0.06)),
    Everyday(name="rounded corners", say="its corners are rounded", strengths=(0.06, 0.15)),
    Everyday(name="upright stripes of 3.0 px", say="faint upright stripes lie over it", strengths=(0.04, 0.1)),
    Everyday(name="upright stripes of 6.0 px", say="faint upright stripes lie over it", strengths=(0.04, 0.1)),
    Everyday(name="upright stripes of 12.0 px", say="faint upright stripes lie over it", strengths=(0.04, 0.1)),
    Everyday(name="lying stripes of 3.0 px", say="faint lying stripes lie over it", strengths=(0.04, 0.1)),
    Everyday(name="lying stripes of 6.0 px", say="faint lying stripes lie over it", strengths=(0.04, 0.1)),
    Everyday(name="lying stripes of 12.0 px", say="faint lying stripes lie over it", strengths=(0.04, 0.1)),
    Everyday(name="rising stripes of 3.0 px", say="faint rising stripes lie over it", strengths=(0.04, 0.1)),
    Everyday(name="rising stripes of 6.0 px", say="faint rising stripes lie over it", strengths=(0.04, 0.1)),
    Everyday(name="rising stripes of 12.0 px", say="faint rising stripes lie over it", strengths=(0.04, 0.1)),
    Everyday(name="falling stripes of 3.0 px", say="faint falling stripes lie over it", strengths=(0.04, 0.1)),
    Everyday(name="falling stripes of 6.0 px", say="faint falling stripes lie over it", strengths=(0.04, 0.1)),
    Everyday(name="falling stripes of 12.0 px", say="faint falling stripes lie over it", strengths=(0.04, 0.1)),
    Everyday(name="ripple of 3.0 px", say="a faint ripple lies over it", strengths=(0.06, 0.14)),
    Everyday(name="ripple of 5.0 px", say="a faint ripple lies over it", strengths=(0.06, 0.14)),
    Everyday(name="ripple of 9.0 px", say="a faint ripple lies over it", strengths=(0.06, 0.14)),
    Everyday(name="checker", say="a faint checkered pattern lies over it", strengths=(0.02, 0.05)),
    Everyday(name="scan lines", say="scan lines lie over it", strengths=(0.15, 0.35)),
    Everyday(name="halftone", say="it is printed as a screen of dots", strengths=(0.15, 0.35)),
    Everyday(name="paper", say="it is on rough paper", strengths=(0.05, 0.12)),
    Everyday(name="sharpened", say="it is sharpened", strengths=(1.2, 3.0)),
    Everyday(name="clarity", say="its local contrast is raised", strengths=(0.5, 1.2)),
    Everyday(name="denoised", say="it is smoothed by a noise filter", strengths=(1, 2)),
    Everyday(name="embossed", say="its edges are raised", strengths=(0.4, 0.9)),
)
"""Every operation that is tried."""


def said(position: int) -> str:
    """What the operation at a position of `operations.tried` does, for a sentence."""
    return [one.say for one in EVERYDAY for _ in one.strengths][position]
