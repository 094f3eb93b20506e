"""What the engines are called; told apart from them, because they take seconds to load."""

ENGINES = ("chain", "crowd", "firmware")
