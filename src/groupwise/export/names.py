"""The names of forms and engines, which a command refuses others by before any of them is loaded."""

BUNDLES = ("bundle", "int8")
ENGINES = ("onnxruntime", "openvino", "ncnn", "opencv", "mnn", "tract")
FORMS = ("bundle", "onnx", "int8", "torch", "timm", "hub", "torchvision", "litert", "executorch")
