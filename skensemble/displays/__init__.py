"""Pictures of what an ensemble does; each display imports matplotlib where it draws."""

__all__: list[str] = []
