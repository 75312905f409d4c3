"""DICOM: modality values, windows, both kinds of gray, and what is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from drawings import SIDE

from explain_gate.config import PreprocessingSection
from explain_gate.data.images import load_annotated, size_of
from explain_gate.data.preprocessing import preprocessing_of
from explain_gate.errors import DataError

pydicom = pytest.importorskip("pydicom")
RAW = np.linspace(0, 4095, SIDE[0] * SIDE[1]).astype(np.uint16).reshape(SIDE)


def write(path, raw=RAW, **tags):
    """A DICOM file of 12 stored bits in 16, with further tags."""
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = pydicom.uid.DigitalXRayImageStorageForPresentation
    data.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    data.SOPClassUID, data.SOPInstanceUID = data.file_meta.MediaStorageSOPClassUID, "1.2.3"
    data.Rows, data.Columns, data.SamplesPerPixel = raw.shape[-2], raw.shape[-1], 1
    data.PhotometricInterpretation, data.PixelRepresentation = "MONOCHROME2", 0
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
    data.PixelData = raw.tobytes()
    for name, value in tags.items():
        setattr(data, name, value)
    data.save_as(path, enforce_file_format=True)
    return path


def values(path, **section):
    """What the model gets of one channel."""
    return load_annotated(path, (), None, preprocessing_of(PreprocessingSection(channels=1, **section))).pixels[0]


@pytest.mark.parametrize("name", ["a.dcm", "IM0001"])
def test_twelve_bits_fill_the_range(tmp_path, name):
    """The stored bits say what white is, with any file name; MONOCHROME1 is turned the right way round."""
    path = write(tmp_path / name)
    assert np.allclose(values(path), RAW / 4095, atol=1e-6)
    path = write(tmp_path / name, PhotometricInterpretation="MONOCHROME1")
    assert np.allclose(values(path), 1 - RAW / 4095, atol=1e-6)
    three = load_annotated(path, (), None, preprocessing_of(PreprocessingSection()))
    assert three.pixels.shape == (3, *SIDE)
    assert size_of(path, (), None, preprocessing_of(PreprocessingSection())) == SIDE


def test_rescaled_values_need_a_window_or_a_range(tmp_path):
    """Hounsfield units mean nothing by themselves: written, or the file's own, or asked about."""
    path = write(
        tmp_path / "a.dcm", RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=[40, 400], WindowWidth=[400, 9]
    )
    units = RAW.astype(float) - 1024
    with pytest.raises(DataError, match=r"values from -1024 to 3071; write preprocessing.window"):
        values(path)
    assert np.allclose(values(path, range=[-1024, 1024]), np.clip((units + 1024) / 2048, 0, 1), atol=1e-6)
    wanted = np.clip((units - (39.5 - 399 / 2)) / 399, 0, 1)
    assert np.allclose(values(path, window=[40, 400]), wanted, atol=1e-6)
    assert np.allclose(values(path, window="file"), wanted, atol=1e-6)
    with pytest.raises(DataError, match="names no window"):
        values(write(tmp_path / "b.dcm", RescaleSlope=2), window="file")
    turned = write(tmp_path / "c.dcm", RescaleIntercept=-1024, RescaleSlope=1, PhotometricInterpretation="MONOCHROME1")
    assert np.allclose(values(turned, window=[40, 400]), 1 - wanted, atol=1e-6)
    ranged = 1 - np.clip((units + 1024) / 2048, 0, 1)
    assert np.allclose(values(turned, range=[-1024, 1024]), ranged, atol=1e-6)


def test_several_frames_and_damaged_files_are_refused_by_name(tmp_path):
    """A film is not a picture; half a file is not a whole one."""
    path = write(tmp_path / "a.dcm", np.stack([RAW, RAW]), NumberOfFrames=2)
    with pytest.raises(DataError, match=r"a\.dcm: is a DICOM file of 2 frames"):
        values(path)
    path = write(tmp_path / "b.dcm")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"b\.dcm"):
        values(path)
