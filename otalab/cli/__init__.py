"""The command `otalab`: one module a command; `main` gathers them."""
