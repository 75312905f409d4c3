"""What is no checkpoint of PyTorch weights, and how to make one of it."""

from __future__ import annotations

_SAVE = "torch.save(model.state_dict(), 'weights.pt')"

OTHER_FORMATS = {
    ".onnx": (
        "an ONNX graph, which has no gradients: gate the PyTorch model that it was exported from, or convert it "
        "(pip install onnx2torch; onnx2torch.convert(FILE) in a function named as model.source)"
    ),
    ".pt2": "a torch.export archive, a whole model: write it as model.source, and no model.checkpoint",
    ".gguf": f"a GGUF file of quantised weights: gate the PyTorch weights that it was made from ({_SAVE})",
    ".h5": f"a Keras file: load it into the PyTorch model with the script of its authors, then {_SAVE}",
    ".keras": f"a Keras file: load it into the PyTorch model with the script of its authors, then {_SAVE}",
    ".pb": f"a TensorFlow graph: load it into the PyTorch model with the script of its authors, then {_SAVE}",
    ".tflite": "a TensorFlow Lite file: gate the PyTorch model that it was made from",
    ".npz": f"a NumPy archive: load it into the PyTorch model (timm: model.load_pretrained(FILE)), then {_SAVE}",
    ".engine": "a TensorRT engine: gate the PyTorch model that it was built from",
    ".mlmodel": "a Core ML model: gate the PyTorch model that it was made from",
}
"""What a file with this ending is, as the rest of a sentence that begins "is"."""

ARCHIVE = "an archive: unpack it and name the checkpoint in it"

ADAPTER = (
    "holds an adapter (LoRA), not a model: merge it into the model (peft: model.merge_and_unload()), then " + _SAVE
)
"""Weights that only change a model that is elsewhere."""
