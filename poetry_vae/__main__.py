"""``python -m poetry_vae`` is the command ``poetry-vae``."""

from poetry_vae.cli import main

if __name__ == "__main__":
    main()
