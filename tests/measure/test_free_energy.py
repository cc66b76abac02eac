"""F, E and C at several temperatures against quadrature (9+ digits), in units of the error that was
measured.
"""

import pytest

import singlearn as sl
from conftest import quadrature_triple, truth

CASES = truth("free_energy")["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_thermodynamics_match_quadrature(case):
    triple = quadrature_triple(case)
    if "nL_w0" in case["truth"] and triple.truth_energy is not None:
        assert triple.truth_energy == pytest.approx(case["truth"]["nL_w0"], abs=1e-9)
    run = sl.temper(triple, particles=512, seed=0)
    for values in case["values"].values():
        beta = float(values["beta"])
        readings = {
            "free energy": (run.free_energy(beta), float(values["F"])),
            "energy": (run.energy(beta), float(values["E_nL"])),
            "heat capacity": (run.heat_capacity(beta), beta**2 * float(values["Var_nL"])),
        }
        assert readings["free energy"][0].standard_error < 0.05
        assert readings["energy"][0].standard_error < 0.1
        assert readings["heat capacity"][0].standard_error < 0.05
        for name, (estimate, exact) in readings.items():
            assert abs(estimate.value - exact) < 4 * estimate.standard_error, (
                f"{name} at β = {beta}: {estimate}, exact {exact}"
            )


def test_errors_are_calibrated(line_triple):
    """Over ten seeds the squared errors of F average to the squared standard errors, within what
    ten seeds can tell.
    """
    exact = next(float(c["values"]["1"]["F"]) for c in CASES if c["name"].startswith("FE7"))
    ratios = []
    for seed in range(10):
        estimate = sl.temper(line_triple, particles=128, seed=seed).free_energy(1.0)
        ratios.append((estimate.value - exact) / estimate.standard_error)
    mean_square = sum(z**2 for z in ratios) / len(ratios)
    assert (
        0.3 < mean_square < 3.0
    )  # χ²₁₀/10 lies in [0.2, 2.96] with probability 0.99; t-tails of four replicates widen it
