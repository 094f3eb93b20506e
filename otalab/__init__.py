"""otalab: a laboratory for over-the-air firmware updates on NOR flash."""

TYPE_CHECKING = False  # as `typing` has it, which every command would wait for, and could not be interrupted in
if TYPE_CHECKING:
    from typing import Any


def load_ipython_extension(shell: "Any") -> None:
    """Teach a notebook `%%firmware`, when it says `%load_ext otalab`."""
    from importlib import import_module  # noqa: PLC0415  # as above

    import_module("otalab.views.code_cell").load_into(shell)


if TYPE_CHECKING:
    from otalab.face import *  # noqa: F403  # the names are listed there, once
    from otalab.face import __all__ as __all__
else:

    def __getattr__(name: str) -> "Any":
        """Open the face when one of its names is asked for; a module below `otalab` alone does not pay for it."""
        from importlib import import_module  # noqa: PLC0415  # as above

        if name == "__all__" or not name.startswith("__"):
            face = import_module("otalab.face")
            globals().update({known: getattr(face, known) for known in ("__all__", *face.__all__)})
            if name in globals():
                return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__getattr__("__all__")})
