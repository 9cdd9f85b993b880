"""poetry-vae push"""

from __future__ import annotations

import click


@click.command("push")
@click.argument("model", metavar="MODEL")
@click.argument("repository", metavar="OWNER/NAME")
@click.option(
    "--license",
    default="mit",
    show_default=True,
    metavar="NAME",
    help="The licence of the weights, by the hub's identifier, such as cc-by-4.0.",
)
@click.option("--private", is_flag=True, help="Make a new repository that only its owner sees.")
@click.option("--message", default="", metavar="TEXT", help="The message of the commit.")
def command(model: str, repository: str, license: str, private: bool, message: str) -> None:
    """Upload a model (a folder or a shipped name) to the Hugging Face hub.

    This uploads card, configuration, vocabulary, weights and figures. You must be logged in and
    allowed to write to the repository; a new one is created. Needs the extra `hub`.

    \b
    poetry-vae push my-model me/my-model
    poetry-vae push my-model me/my-model --license cc-by-4.0 --private
    poetry-vae generate --model me/my-model
    """
    from poetry_vae.model.push import push_to_hub

    click.echo(push_to_hub(model, repository, license=license, private=private, message=message))
