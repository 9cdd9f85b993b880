"""The page and the interface of `poetry-vae serve`: one machine, one model, over HTTP."""
