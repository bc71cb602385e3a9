"""Fit, predict, calibrate, explain and judge: the same predict offline and online."""

from trenddrop.modeling.explain import reasons
from trenddrop.modeling.fit import FittedModel, fit
from trenddrop.modeling.predict import predict
from trenddrop.modeling.spec import ModelSpec, load_spec
from trenddrop.modeling.storage import fingerprint, load_model, save_model

__all__ = [
    "FittedModel",
    "ModelSpec",
    "fingerprint",
    "fit",
    "load_model",
    "load_spec",
    "predict",
    "reasons",
    "save_model",
]
