"""The models that wrote a text, by their names, in one column: the one that wrote last stands last; pure."""

from __future__ import annotations

from collections.abc import Iterable

from artifacts.validation import MODEL_NAME_CHARS, clean

BETWEEN_MODELS = ", "


def with_model(before: str, model: str) -> str:
    """`before`, and the model that writes on, last."""
    model = clean(model)
    return joined_models([*(name for name in before.split(BETWEEN_MODELS) if name != model), model])


def called_last(before: str, told: str) -> str:
    """`before`, in which the model that wrote last goes by the name that its endpoint `told`."""
    earlier, _, last = before.rpartition(BETWEEN_MODELS)
    return joined_models([earlier, clean(told) or last])


def joined_models(columns: Iterable[str]) -> str:
    """Each once, in the order in which they wrote."""
    names = dict.fromkeys(name for column in columns for name in column.split(BETWEEN_MODELS) if name)
    return BETWEEN_MODELS.join(names)[:MODEL_NAME_CHARS]
