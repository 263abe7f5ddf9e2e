"""Names the forms of export, for whoever checks a name before torch is loaded."""

FORMS = ("bundle", "onnx", "int8", "torch", "timm", "hub", "torchvision")
