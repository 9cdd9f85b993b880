"""Models in folders: ``config.json``, ``model.safetensors``, ``tokenizer.json``; beside them a card
for people (``README.md``), what was measured when the weights were kept (``figures.json``) and,
where there is one, a reward model (``reward.json``).

Nothing that can run code is ever loaded: weights are safetensors, the rest is JSON. The header of
the weights is held against the configuration before anything is built or read. Weights are written
with checksums of every tensor, of the vocabulary and of the configuration. Files of earlier
versions lack some of them, and are read without those checks.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from poetry_vae.model import versions
from poetry_vae.model.config import ConfigError, ModelConfig
from poetry_vae.model.reward import Reward
from poetry_vae.model.versions import shipped_models
from poetry_vae.model.weights import Wanted, hold_against, save_weights, weights_in
from poetry_vae.text.errors import FormError, PoetryVAEError
from poetry_vae.text.files import read_text, replace_file, stands
from poetry_vae.text.form import Form
from poetry_vae.text.json_values import read_json
from poetry_vae.text.known_lines import KnownLines, lines_file
from poetry_vae.text.tensor_file import TensorFile
from poetry_vae.text.tokenizer import CharTokenizer, TokenizerError

if TYPE_CHECKING:
    from poetry_vae.model.vae import PoetryVAE

WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"
CARD, FIGURES = "README.md", "figures.json"

DEFAULT_FORM = Form.of(4, 7)
_DEFAULT = "poet"


class CheckpointError(PoetryVAEError):
    """A model that does not exist, or a folder whose model cannot be loaded."""


def default_model() -> Path:
    """The folder of the model that ships, which reads and writes poems of any form.

    Raises:
        CheckpointError: none ships.
    """
    if _DEFAULT in (models := shipped_models()):
        return models[_DEFAULT]
    raise CheckpointError(
        "no model comes with this package: name one with --model; "
        "`poetry-vae train CORPUS --preset poet` makes one"
    )


@lru_cache(maxsize=16)
def lines_of_poets(chars: int) -> KnownLines | None:
    """The lines of so many characters in the training poems of the shipped models; None if they are
    not known."""
    path = lines_file(versions.SHIPPED / "any", chars)
    return KnownLines.load(path) if path.is_file() else None


def figures_of(folder: Path) -> dict[str, Any]:
    """The figures that a model's folder records of itself; none where it has no such file.

    Raises:
        CheckpointError: the file is damaged.
    """
    path = folder / FIGURES
    if not stands(path):
        return {}
    figures = read_json(path, error=CheckpointError)
    if not isinstance(figures, dict):
        raise CheckpointError(f"{path}: damaged, not an object of figures")
    return figures


_SCALE, _VOCABULARY, _CONFIGURATION = ".scale", "vocabulary", "configuration"
_FLOATS = ("F32", "F16", "BF16", "F64")
_SPARE = 100_000  # numbers that a file may lack here: a later check names the missing tensors
_LAYERS = ("encoder_layers", "decoder_layers", "refiner_layers", "components")


def packed(weights: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Weights in another precision, by name.

    For int8 each row of a matrix becomes whole numbers from −127 to 127 times a scale, which is
    stored beside it. Other tensors are kept in half precision. So a weight takes about one byte.
    """
    if dtype != torch.int8:
        return {name: tensor.to(dtype) for name, tensor in weights.items()}
    out = {}
    for name, tensor in weights.items():
        if tensor.dim() != 2:
            out[name] = tensor.half()
            continue
        scale = (tensor.abs().amax(1, keepdim=True) / 127).clamp_min(1e-30)
        out[name] = (tensor / scale).round().to(torch.int8)
        out[name + _SCALE] = scale
    return out


def unpacked(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of :func:`packed`, in single precision.

    Raises:
        CheckpointError: a matrix of whole numbers has no scale.
    """
    whole = {name for name, tensor in weights.items() if tensor.dtype == torch.int8}
    if lost := sorted(name for name in whole if name + _SCALE not in weights):
        raise CheckpointError(f"{lost[0]} is stored as whole numbers, and its scale is missing")
    scales = {name + _SCALE for name in whole}
    return {
        name: tensor.float() * weights[name + _SCALE] if name in whole else tensor.float()
        for name, tensor in weights.items()
        if name not in scales
    }


def load_model(make: Callable[[ModelConfig, CharTokenizer], PoetryVAE], folder: Path) -> PoetryVAE:
    """The model of a folder, see :meth:`PoetryVAE.from_pretrained`.

    Args:
        make: the model of a configuration.
    """
    configuration = read_text(folder / CONFIG, error=CheckpointError)
    try:
        config = ModelConfig.from_json(configuration)
    except (ConfigError, FormError) as error:
        raise CheckpointError(f"{folder / CONFIG}: {error}") from error
    try:
        tokenizer = CharTokenizer.from_json(read_text(folder / TOKENIZER, error=CheckpointError))
    except TokenizerError as error:
        raise CheckpointError(f"{folder / TOKENIZER}: {error}") from error
    if len(tokenizer) != config.vocabulary:
        raise CheckpointError(
            f"{folder}: {TOKENIZER} has {len(tokenizer)} symbols but {CONFIG} says "
            f"{config.vocabulary}: they are from different models"
        )
    file = TensorFile.open(
        folder / WEIGHTS,
        "file of weights",
        known=(_VOCABULARY, _CONFIGURATION),
        error=CheckpointError,
    )
    own = _sums_of(tokenizer, configuration)
    sums = {**own, **file.metadata}
    if sums[_VOCABULARY] != own[_VOCABULARY]:
        raise CheckpointError(
            f"{folder / TOKENIZER}: damaged: not the vocabulary that the weights were written with"
        )
    model = _outline_for(file, config, lambda: make(config, tokenizer))
    if sums[_CONFIGURATION] != own[_CONFIGURATION]:
        raise CheckpointError(
            f"{folder / CONFIG}: damaged: not the settings that the weights were written with"
        )
    model.load_state_dict(unpacked(weights_in(file)), assign=True)
    model.reward = Reward.load(folder, config.hidden)
    return model.eval().requires_grad_(False)


class _Outline(TorchFunctionMode):
    """A context for making modules whose weights mean nothing yet: none is drawn at random, and all
    of them have to be filled in."""

    def __init__(self, most: int, refusal: Exception) -> None:
        """
        Args:
            most: the most numbers there may be.
            refusal: what a model with more raises before it takes memory.
        """
        super().__init__()
        self.left, self.refusal = most, refusal

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in ("normal_", "uniform_", "kaiming_uniform_"):
            return args[0] if args else kwargs["tensor"]
        if name not in ("empty", "zeros", "ones", "randn"):
            return func(*args, **kwargs)
        self.left -= math.prod(args if len(args) != 1 or type(args[0]) is int else args[0])
        if self.left < 0:
            raise self.refusal
        kwargs.pop("generator", None)
        return (torch.empty if name == "randn" else func)(*args, **kwargs)


def _outline_for(file: TensorFile, config: ModelConfig, make: Callable[[], PoetryVAE]) -> PoetryVAE:
    """A model of a configuration without weights, checked against the file that holds them.

    Raises:
        CheckpointError: the file does not hold the tensors of such a model.
    """
    # Every layer has at least one tensor, so a file with few tensors rules out a million layers
    # before any is made.
    for name in _LAYERS:
        if (n := getattr(config, name)) > len(file.tensors):
            raise file.refuse(
                f"does not fit {CONFIG}: {n} {name} need more than its {len(file.tensors)} tensors"
            )
    held = sum(math.prod(tensor.shape) for tensor in file.tensors.values())
    too_large = f"does not fit {CONFIG}, which asks for more numbers than the {held:,} in it"
    with _Outline(held + _SPARE, file.refuse(too_large)):
        model = make()
    wanted: Wanted = {}
    for name, tensor in model.state_dict().items():
        wanted[name] = (_FLOATS, tuple(tensor.shape))
        if tensor.dim() == 2 and name in file.tensors and file.tensors[name].dtype == "I8":
            wanted[name] = (("I8",), tuple(tensor.shape))
            wanted[name + _SCALE] = (_FLOATS, (tensor.shape[0], 1))
    hold_against(file, wanted, CONFIG)
    return model


def save_model(
    model: PoetryVAE,
    folder: Path,
    *,
    card: str = "",
    figures: Mapping[str, object] | None = None,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a model's folder. Each file is replaced as a whole, the weights last.

    Args:
        dtype: of the weights in the file; int8 as :func:`packed` has it.

    Raises:
        FileWriteError: a file cannot be written; what stood there before is untouched.
    """
    weights = packed(
        {name: t.detach().cpu().contiguous() for name, t in model.state_dict().items()}, dtype
    )
    replace_file(folder / CONFIG, model.config.to_json())
    replace_file(folder / TOKENIZER, model.tokenizer.to_json())
    replace_file(folder / CARD, card or _plain_card(model))
    if figures:
        text = json.dumps(dict(figures), ensure_ascii=False, indent=2)
        replace_file(folder / FIGURES, text + "\n")
    if model.reward.states:
        model.reward.save(folder)
    sums = _sums_of(model.tokenizer, model.config.to_json())
    save_weights(folder / WEIGHTS, weights, {"format": "pt", **sums})


def _sums_of(tokenizer: CharTokenizer, configuration: str) -> dict[str, str]:
    """Checksums to be stored with the weights: of the vocabulary and of the stored configuration,
    whose spaces and order of names do not count."""
    settings = json.dumps(json.loads(configuration), sort_keys=True)
    texts = {_VOCABULARY: "".join(tokenizer.characters), _CONFIGURATION: settings}
    return {name: f"{zlib.crc32(text.encode('utf-8')):08x}" for name, text in texts.items()}


def _plain_card(model: PoetryVAE) -> str:
    parameters = sum(p.numel() for p in model.parameters())
    form = "any form" if model.config.forms == "any" else f"{model.form} ({model.form.slug})"
    return (
        f"# poetry-vae: {form}\n\n{parameters:,} parameters, vocabulary "
        f"of {model.config.vocabulary:,} symbols. Nothing is recorded of its training.\n"
    )
