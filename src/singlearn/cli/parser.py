"""The commands of ``singlearn`` and their arguments; nothing heavy is imported to print help."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[Any]
else:  # generic for type checkers only
    Commands = argparse._SubParsersAction


def _version() -> str:
    try:
        return version("singlearn")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "(not installed)"


def _at_least(lowest: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"got {text!r}; it should be a whole number") from None
        if value < lowest:
            raise argparse.ArgumentTypeError(f"got {value}; it should be at least {lowest}")
        return value

    return number


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"got {text!r}; it should be a positive number")
    return value


def _tolerance(text: str) -> float | str:
    if text == "rounding":
        return text
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 0.5:
        raise argparse.ArgumentTypeError(
            f'got {text!r}; it should be a relative size from 0 to 0.5, or "rounding"'
        )
    return value


def _as_number(text: str) -> int | float | str:
    """A whole or other number, or the text as it is."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


SIGNS = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "\\t": "\t",
    "bar": "|",
    "space": " ",
    "apostrophe": "'",
    "point": ".",
}
"""Signs that a shell makes awkward, by name."""


def _one_of(signs: str) -> Callable[[str], str]:
    names = [name for name, sign in SIGNS.items() if sign in signs and name != "\\t"]
    allowed = [sign for sign in signs if sign not in (" ", "\t")]

    def sign(text: str) -> str:
        found = SIGNS.get(text, text)
        if len(found) != 1 or found not in signs:
            raise argparse.ArgumentTypeError(
                f"got {text!r}; it should be one of {' '.join(allowed)} or {', '.join(names)}"
            )
        return found

    return sign


def _yes_or_no(text: str) -> bool:
    if text.lower() not in ("yes", "no"):
        raise argparse.ArgumentTypeError(f"got {text!r}; it should be yes or no")
    return text.lower() == "yes"


class _Parser(argparse.ArgumentParser):
    """Errors are one sentence, without the usage before it; ``-1,-2`` and ``-1/3`` are numbers, not
    options.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        # argparse has no public way to say what a negative number looks like.
        self._negative_number_matcher = re.compile(r"^-[\d.][\d.,/eE+-]*$")

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def command_line() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="singlearn",
        description="How singular is a model, and which model do the data want?",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n"
        "  singlearn select galaxies                     how many groups are in 82 galaxy "
        "velocities?\n"
        "  singlearn select data.csv --max 4             the same for your own column of numbers\n"
        "  singlearn temper model.py:triple              free energy, WBIC, WAIC and λ of your own "
        "model\n"
        "  singlearn llc net.pt --model net.py:build --data net.py:data    how singular is a "
        "trained network?\n"
        "  singlearn flow timeline checkpoints/ --model net.py:build --data net.py:data    "
        "symmetries through training\n"
        "  singlearn symmetry equivalent A.npz B.npz     are two ReLU networks the same function?\n"
        "  singlearn explore                             why is a model singular? in a browser, "
        "with your hands\n"
        '  singlearn exact "(y^2 - x^3)^2"               λ and m of a polynomial, proved\n'
        "  singlearn catalogue                           which learning coefficients are proven?\n"
        "  singlearn experiment                          which published tables can be made again",
    )
    parser.add_argument("--version", action="version", version=f"singlearn {_version()}")
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", parser_class=_Parser
    )
    _add_select(commands)
    _add_temper(commands)
    _add_llc(commands)
    _add_flow(commands)
    _add_symmetry(commands)
    _add_explore(commands)
    _add_exact(commands)
    _add_catalogue(commands)
    _add_experiment(commands)
    return parser


def _add(commands: Commands, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = command.add_argument_group("for every command")
    common.add_argument(
        "--seed",
        type=_at_least(0),
        default=0,
        metavar="N",
        help="same seed, same numbers (default 0)",
    )
    common.add_argument(
        "--out",
        type=Path,
        default=Path("."),
        metavar="PATH",
        help="folder for figures (default: here), or the name of the figure, ending in .png, .pdf "
        "or .svg; no file is replaced",
    )
    common.add_argument(
        "--json", action="store_true", help="print one JSON document instead of the table"
    )
    return command


def _add_populations(command: argparse.ArgumentParser, particles: int) -> None:
    command.add_argument(
        "--particles",
        type=_at_least(16),
        default=particles,
        metavar="N",
        help=f"of each replicate (default {particles})",
    )
    command.add_argument(
        "--replicates",
        type=_at_least(1),
        default=4,
        metavar="N",
        help="independent populations; errors are their spread (default 4)",
    )


def _add_select(commands: Commands) -> None:
    command = _add(
        commands,
        "select",
        "compare the models of a family by free energy",
        "singlearn select yields.csv --model reduced-rank --response yield,purity --max 2",
    )
    command.add_argument(
        "data", metavar="DATA", help="galaxies, or a CSV file of numbers; a header is optional"
    )
    command.add_argument(
        "--model",
        choices=["mixture", "reduced-rank"],
        default="mixture",
        help="the family (default mixture)",
    )
    command.add_argument(
        "--max",
        type=_at_least(1),
        metavar="K",
        help="compare K = 1 … K: components (default 6) or rank (default: the largest there is)",
    )
    command.add_argument(
        "--columns",
        metavar="COL,COL",
        help="use only these columns, by name or number (default: all)",
    )
    command.add_argument(
        "--response",
        metavar="COL,COL",
        help="reduced-rank: the columns that are y; the others are x (default: the last)",
    )
    _add_populations(command, 512)
    table = command.add_argument_group("how to read the CSV file, where it does not tell itself")
    table.add_argument(
        "--header",
        type=_yes_or_no,
        metavar="yes|no",
        help="whether the first line has the names of the columns",
    )
    table.add_argument(
        "--index",
        metavar="COL",
        help="leave this column out, by name or number; none: every column is data",
    )
    table.add_argument(
        "--delimiter",
        type=_one_of(",;\t| "),
        metavar="SIGN",
        help="between columns: , ; | tab or space",
    )
    table.add_argument(
        "--decimal", type=_one_of(".,"), metavar="SIGN", help="decimal sign of its numbers: . or ,"
    )
    table.add_argument(
        "--thousands",
        type=_one_of(",.'_ "),
        metavar="SIGN",
        help="between thousands: , . _ apostrophe or space",
    )


def _add_temper(commands: Commands) -> None:
    command = _add(
        commands,
        "temper",
        "temper a model of your own and read its free energy and λ",
        "singlearn temper model.py:triple --beta-max 1 --save run.nc",
    )
    command.add_argument(
        "triple",
        metavar="FILE.py:NAME",
        help="NAME is a Triple, or a function without arguments that returns one",
    )
    command.add_argument(
        "--beta-max",
        type=_positive,
        default=1.0,
        metavar="β",
        help="largest inverse temperature (default 1, the posterior)",
    )
    _add_populations(command, 1024)
    command.add_argument(
        "--checkpoint",
        type=Path,
        metavar="DIR",
        help="write every rung there; a run begun there is resumed",
    )
    command.add_argument(
        "--save",
        type=Path,
        metavar="PATH",
        help="write the run as NetCDF, or as Zarr if PATH ends in .zarr",
    )


def _add_llc(commands: Commands) -> None:
    command = _add(
        commands,
        "llc",
        "measure the local learning coefficient λ̂ of a trained PyTorch network",
        "singlearn llc net.pt --model net.py:build --data net.py:data --only 'layers.3.*'",
    )
    command.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        type=Path,
        help="weights: .pt or .safetensors, or a folder with one",
    )
    command.add_argument(
        "--model",
        required=True,
        metavar="FILE.py:NAME",
        help="NAME is the module, or a function without arguments that builds it",
    )
    command.add_argument(
        "--data",
        required=True,
        metavar="FILE.py:NAME",
        help="NAME is a pair of tensors (inputs, targets), a Dataset or a DataLoader, or a "
        "function that returns one",
    )
    command.add_argument(
        "--loss",
        metavar="FILE.py:NAME",
        help="NAME is a function loss(output, target) of per-sample losses in nats; not needed for "
        "class labels (cross entropy)",
    )
    command.add_argument(
        "--only",
        action="append",
        metavar="PATTERN",
        help="sample the parameters with such names, such as 'layers.3.*'; may be repeated",
    )
    # What these may be the library says, in one place and in the same words.
    command.add_argument(
        "--gamma",
        type=_as_number,
        default="auto",
        metavar="γ",
        help="tie to the trained parameters (default: by the size of the weights)",
    )
    command.add_argument(
        "--chains",
        type=_as_number,
        default=8,
        metavar="N",
        help="half start at w*, half away from it (default 8)",
    )
    command.add_argument(
        "--max-steps",
        type=_as_number,
        default=100_000,
        metavar="N",
        help="steps of each chain at most (default 100000)",
    )


def _add_flow(commands: Commands) -> None:
    command = commands.add_parser(
        "flow",
        help="what training conserves, what moved it, and symmetries that are born and die",
        description="What training conserves, and which symmetries are born and die.",
    )
    actions = command.add_subparsers(
        dest="action", metavar="ACTION", title="actions", parser_class=_Parser, required=True
    )
    laws = _add(
        actions,
        "laws",
        "list what gradient flow of any loss of a PyTorch network conserves",
        "singlearn flow laws net.py:build",
    )
    laws.add_argument(
        "model",
        metavar="FILE.py:NAME",
        help="NAME is a PyTorch module, or a function without arguments that builds it",
    )
    laws.add_argument(
        "--inputs",
        metavar="FILE.py:NAME",
        help="NAME is what the network is called with (default: random, of the shape that its "
        "first layer reads)",
    )
    laws.add_argument(
        "--cross-entropy",
        action="store_true",
        help="the loss sees differences of logits only: softmax cross-entropy",
    )
    ledger = _add(
        actions,
        "ledger",
        "print and draw the books that flow.ledger(..., file=) wrote while a network was trained",
        "singlearn flow ledger book.jsonl",
    )
    ledger.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help="written by flow.ledger(model, optimizer, file=FILE)",
    )
    line = _add(
        actions,
        "timeline",
        "say what every hidden node does at every checkpoint: births and deaths of symmetries",
        "singlearn flow timeline checkpoints/ --model net.py:build --data net.py:data",
    )
    line.add_argument(
        "checkpoints",
        metavar="DIR",
        type=Path,
        help="folder of state dictionaries with the step in their names: step_100.pt, …",
    )
    line.add_argument(
        "--model",
        required=True,
        metavar="FILE.py:NAME",
        help="NAME is a Sequential of Linear and ReLU, or a function without arguments that "
        "builds it",
    )
    line.add_argument(
        "--data",
        required=True,
        metavar="FILE.py:NAME",
        help="NAME is a pair of tensors (inputs, targets), a Dataset or a DataLoader, or a "
        "function that returns one",
    )
    line.add_argument(
        "--loss",
        metavar="FILE.py:NAME",
        help="NAME is a function loss(output, target) of per-sample losses",
    )
    line.add_argument(
        "--tolerance",
        type=_positive,
        metavar="ε",
        help="change of an output that counts as none (default: 1 %% of the spread of the targets)",
    )
    line.add_argument(
        "--llc", action="store_true", help="measure λ̂ of every checkpoint's own function as well"
    )
    line.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="keep finished checkpoints there; a timeline begun there is resumed",
    )


def _add_experiment(commands: Commands) -> None:
    command = _add(
        commands,
        "experiment",
        "make a published table again; without a name, list them",
        "singlearn experiment table2 --quick",
    )
    command.add_argument("name", nargs="?", metavar="NAME", help="of the experiment")
    command.add_argument(
        "--quick", action="store_true", help="under a minute instead of the published precision"
    )
    versions = command.add_mutually_exclusive_group()
    for name, what in (
        ("as-stated", "as the text defines it (the default)"),
        ("as-published", "as the published code computes it"),
    ):
        versions.add_argument(
            f"--{name}",
            dest="version_of",
            action="store_const",
            const=name,
            help=f"generalisation: {what}",
        )


def _add_symmetry(commands: Commands) -> None:
    command = commands.add_parser(
        "symmetry",
        help="decide whether ReLU networks are the same function, see their symmetries, compress "
        "them",
        description="What leaves a ReLU network's function unchanged.",
        epilog="NET is a .npz, .json, .safetensors or .pt file (a state dictionary) with arrays "
        "<layer>.weight and <layer>.bias,\n"
        'or a .json with w, b, q, c of a two-layer network, where fractions such as "1/3" stay '
        "exact.\n"
        "describe and equivalent also take transformers: a Hugging Face folder (config.json and "
        "weights of GPT-2, Llama, Mistral or\n"
        "Qwen2), or a .pt file with the state dictionary of a torch.nn.TransformerEncoder, with "
        "--heads and the options beside it.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = command.add_subparsers(
        dest="action", metavar="ACTION", title="actions", parser_class=_Parser, required=True
    )
    describe = _add(
        actions,
        "describe",
        "say what a network's nodes do, its kinks, and how degenerate it is",
        "singlearn symmetry describe net.npz --box -1 1",
    )
    describe.add_argument("net", metavar="NET", type=Path)
    hierarchy = _add(
        actions,
        "hierarchy",
        "draw at which distance nodes merge, die and annihilate, and how wide a network must be "
        "within it",
        "singlearn symmetry hierarchy net.npz --box -1 1",
    )
    hierarchy.add_argument("net", metavar="NET", type=Path)
    equal = _add(
        actions,
        "equivalent",
        "decide whether two networks are the same function (exit status 0 if so, 1 if not)",
        "singlearn symmetry equivalent a.npz b.npz --box -1 1 --tolerance 1e-6",
    )
    equal.add_argument("net", metavar="A", type=Path)
    equal.add_argument("other", metavar="B", type=Path)
    equal.add_argument(
        "--tolerance",
        type=_positive,
        metavar="ε",
        help="largest difference of the outputs on the box that is allowed, absolute, in their "
        "units; needs --box",
    )
    compress = _add(
        actions,
        "compress",
        "write an equivalent network with fewer hidden nodes",
        "singlearn symmetry compress net.npz -o small.npz",
    )
    compress.add_argument("net", metavar="NET", type=Path)
    compress.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=Path,
        required=True,
        help="file to write; its ending chooses the format",
    )
    compress.add_argument(
        "--eps",
        type=_positive,
        metavar="ε",
        help="two layers: allow the outputs to change by this much on the box",
    )
    fibre = _add(
        actions,
        "fibre",
        "list the parameters of a given width that compute the same function",
        "singlearn symmetry fibre net.json --width 4",
    )
    fibre.add_argument("net", metavar="NET", type=Path)
    fibre.add_argument(
        "--width",
        type=_at_least(0),
        metavar="H",
        help="number of hidden nodes (default: the network's own)",
    )
    fibre.add_argument(
        "--animate",
        type=Path,
        metavar="FILE.gif",
        help="one or two inputs: a path from the network, or from its first sample, to another",
    )
    hidden = _add(
        actions,
        "hidden",
        "find kinks that do not show in the outputs, and how far they can slide",
        "singlearn symmetry hidden net.npz --box -1 1",
    )
    hidden.add_argument("net", metavar="NET", type=Path)
    for action in (describe, compress, fibre):
        action.add_argument(
            "--tolerance",
            type=_tolerance,
            metavar="τ",
            help="two layers: relations that hold up to this relative size are taken as exact, and "
            "the change of the outputs is "
            'certified; "rounding" for what floats make',
        )
    for action in (describe, equal, compress, fibre, hierarchy, hidden):
        _add_network_file(action)
    for action in (describe, equal):
        encoder = action.add_argument_group(
            "what the weights of a TransformerEncoder do not tell (with --activation relu or gelu)"
        )
        encoder.add_argument("--heads", type=_at_least(1), metavar="N", help="nhead")
        encoder.add_argument(
            "--norm", choices=("first", "last"), help="norm_first: before or behind the additions"
        )
        encoder.add_argument("--epsilon", type=_positive, metavar="ε", help="layer_norm_eps")
        encoder.add_argument(
            "--causal", action="store_true", help="the function with the causal mask"
        )
        action.add_argument(
            "--ignore",
            metavar="KEY",
            action="append",
            help="a key of config.json that does not change the function; may be repeated",
        )
    for action in (describe, equal, compress, fibre, hierarchy, hidden):
        action.add_argument(
            "--box",
            nargs=2,
            metavar=("LOW", "HIGH"),
            required=action in (hierarchy, hidden),
            help="on a box of inputs only: two numbers, or a comma-separated number for every input",
        )


def _add_network_file(command: argparse.ArgumentParser) -> None:
    """What a file of a network may leave open."""
    command.add_argument(
        "--activation",
        metavar="NAME",
        help="say what stands between the layers: relu, or with one hidden layer tanh, sigmoid, "
        "erf, silu, gelu; a state dictionary "
        "does not, and relu is assumed and said",
    )
    command.add_argument(
        "--order",
        metavar="LAYER,LAYER,...",
        help="the layers from input to output, where a file leaves their order open",
    )


def _add_explore(commands: Commands) -> None:
    command = _add(
        commands,
        "explore",
        "see why a model is singular, with your hands, in a browser",
        "singlearn explore net.npz",
    )
    command.add_argument(
        "net",
        nargs="?",
        type=Path,
        metavar="NET",
        help="a two-layer ReLU network to open, in a file that symmetry describe reads (default: "
        "an example)",
    )
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE.html",
        help="the page to write (default: explore.html in --out)",
    )
    command.add_argument(
        "--scene",
        metavar="NAME",
        help="the scene to begin with: network, fibre, valley, descent or phases",
    )
    command.add_argument(
        "--no-open", action="store_true", help="write the page, do not start a browser"
    )
    _add_network_file(command)


def _add_exact(commands: Commands) -> None:
    command = _add(
        commands,
        "exact",
        "find λ and m of a polynomial by algebra, proved or bounded",
        'singlearn exact "(x + y^2)^2 + z^2" --picture',
    )
    command.add_argument(
        "polynomials",
        nargs="+",
        metavar="K",
        help="K itself, or several polynomials whose squares are added",
    )
    command.add_argument(
        "--squares",
        action="store_true",
        help="a single polynomial is a generator too: K is its square",
    )
    command.add_argument(
        "--at",
        action="append",
        metavar="x=1/2",
        help="a coordinate of the point (default: the origin)",
    )
    command.add_argument(
        "--everywhere", action="store_true", help="the smallest λ over all real points"
    )
    command.add_argument("--prior", metavar="φ", help='a factor of the density, such as "|x|*y^2"')
    command.add_argument(
        "--timeout",
        type=_positive,
        default=60.0,
        metavar="SECONDS",
        help="then the bounds found so far (default 60)",
    )
    command.add_argument(
        "--check",
        action="store_true",
        help="measure λ too, by volume and by tempering under N(0, 1), and print all side by side",
    )
    command.add_argument(
        "--full",
        action="store_true",
        help="print every chart of the proof, not only how many there are of each kind",
    )
    command.add_argument(
        "--picture",
        action="store_true",
        help="draw what --picture-of says; --out FILE asks for it too",
    )
    command.add_argument(
        "--picture-of",
        choices=("polyhedron", "blow-up", "tree"),
        help="the Newton polyhedron (the default for two or three variables at a point), the curve "
        "beside the charts of its blow-up, or the tree of charts",
    )


def _add_catalogue(commands: Commands) -> None:
    command = _add(
        commands,
        "catalogue",
        "list the models whose learning coefficient is proven, or evaluate one of the formulas",
        "singlearn catalogue reduced-rank --inputs 4 --outputs 3 --hidden 3 --rank 1",
    )
    command.add_argument(
        "name", nargs="?", metavar="FORMULA", help="such as reduced-rank; without it, list them all"
    )
    # What follows the name depends on it, so it is read when the name is known.
    command.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        metavar="--ARGUMENT VALUE",
        help="of the formula; FORMULA --help lists them",
    )
