"""The families of models, by the name that the files of problems have."""

from singlearn.benchmark.families import latent, populations, regressions
from singlearn.benchmark.families.family import LikelihoodFamily

FAMILIES: dict[str, LikelihoodFamily] = {
    family.name: family
    for family in (
        populations.POLYNOMIAL,
        populations.LINEAR_NETWORK,
        populations.TANH_NETWORK,
        populations.RELU_NETWORK,
        latent.GAUSSIAN_MIXTURE,
        latent.POISSON_MIXTURE,
        latent.MULTINOMIAL_MIXTURE,
        latent.NAIVE_BAYES,
        latent.TOPICS,
        latent.HIDDEN_MARKOV,
        latent.FACTOR,
        regressions.LINEAR_REGRESSION,
        regressions.LOGISTIC_REGRESSION,
        regressions.BINOMIAL,
        regressions.POISSON,
        regressions.NEEDLE,
        regressions.FUNNEL,
    )
}

__all__ = ["FAMILIES", "LikelihoodFamily"]
