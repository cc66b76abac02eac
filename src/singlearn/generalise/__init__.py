"""Bayes against MAP, MLE and Laplace: what each predicts, and its generalisation error."""

from singlearn.generalise.curve import LearningCurve
from singlearn.generalise.curve_point import CurvePoint
from singlearn.generalise.descent import Descent
from singlearn.generalise.free_energy_growth import Growth
from singlearn.generalise.freeze import freeze, thaw
from singlearn.generalise.generalisation_error import (
    PredictiveDivergence,
    cross_validated_loss,
    error,
)
from singlearn.generalise.laplace import (
    Laplace,
    LaplaceRefusedError,
    NotAtModeError,
    NotPositiveDefiniteError,
    laplace,
)
from singlearn.generalise.learning_curve import learning_curve
from singlearn.generalise.method import (
    Fitted,
    Method,
    by_laplace,
    by_map,
    by_mle,
    by_nuts,
    by_tempering,
)
from singlearn.generalise.nuts import NutsChains, nuts
from singlearn.generalise.point_estimate import (
    PointEstimate,
    map_estimate,
    map_estimate_each,
    mle,
    mle_each,
)
from singlearn.generalise.process_maximum import (
    maximum_over_directions,
    one_node_constant,
    reduced_rank_constant,
)
from singlearn.generalise.slope import Slope, fit_slope
from singlearn.generalise.unrealisable import (
    Level,
    LocationAtN,
    is_level,
    location_model,
    power_law_error,
)
from singlearn.triple.predictive import Predictor, predictive

__all__ = [
    "CurvePoint",
    "Descent",
    "Fitted",
    "Growth",
    "Laplace",
    "LaplaceRefusedError",
    "LearningCurve",
    "Level",
    "LocationAtN",
    "Method",
    "NotAtModeError",
    "NotPositiveDefiniteError",
    "NutsChains",
    "PointEstimate",
    "PredictiveDivergence",
    "Predictor",
    "Slope",
    "by_laplace",
    "by_map",
    "by_mle",
    "by_nuts",
    "by_tempering",
    "cross_validated_loss",
    "error",
    "fit_slope",
    "freeze",
    "is_level",
    "laplace",
    "learning_curve",
    "location_model",
    "map_estimate",
    "map_estimate_each",
    "maximum_over_directions",
    "mle",
    "mle_each",
    "nuts",
    "one_node_constant",
    "power_law_error",
    "predictive",
    "reduced_rank_constant",
    "thaw",
]
