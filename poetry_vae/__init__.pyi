"""The public names: a model and its parts, and what a poem can be asked to keep."""

from poetry_vae.model.vae import PoetryVAE as PoetryVAE
from poetry_vae.text.errors import PoetryVAEError as PoetryVAEError
from poetry_vae.text.form import Form as Form
from poetry_vae.text.poem import Poem as Poem
from poetry_vae.text.tokenizer import CharTokenizer as CharTokenizer
from poetry_vae.training.train import train as train
from poetry_vae.verse.generate import generate as generate
from poetry_vae.verse.generate import reconstruct as reconstruct
from poetry_vae.verse.rules.avoid import Avoid as Avoid
from poetry_vae.verse.rules.favour import Favour as Favour
from poetry_vae.verse.rules.near import Near as Near
from poetry_vae.verse.rules.no_repeat import Doublings as Doublings
from poetry_vae.verse.rules.no_repeat import NoRepeat as NoRepeat
from poetry_vae.verse.rules.parallel import Parallel as Parallel
from poetry_vae.verse.rules.pins import Pin as Pin
from poetry_vae.verse.rules.pins import Template as Template
from poetry_vae.verse.rules.pins import acrostic as acrostic
from poetry_vae.verse.rules.pins import first_line as first_line
from poetry_vae.verse.rules.rule import Rule as Rule
from poetry_vae.verse.rules.rule import RuleError as RuleError
from poetry_vae.verse.rules.sound import Metre as Metre
from poetry_vae.verse.rules.sound import Rhyme as Rhyme
from poetry_vae.verse.rules.sound import Sounds as Sounds
from poetry_vae.verse.rules.words import Words as Words
from poetry_vae.verse.sampler import Sampler as Sampler
from poetry_vae.verse.sampling_settings import SamplingSettings as SamplingSettings

__version__: str
