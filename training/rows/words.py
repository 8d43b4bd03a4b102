"""Row "name objects": nouns with plurals and other words, and unknown words reported one by one.

The lists here were written apart from training/objects.yaml: what people say, not what the model was told.
"""

from __future__ import annotations

from gesso.engines.builtin.vocabulary import Vocabulary, load_vocabulary
from gesso.engines.builtin.words import understand
from rows.studio import Studio
from shares import Figure, Row, Share, Trial

SYNONYMS = {
    "puppy": "dog", "doggy": "dog", "kitten": "cat", "automobile": "car", "bunny": "rabbit", "pony": "horse",
    "plane": "airplane", "jet": "airplane", "bike": "bicycle", "motorbike": "motorcycle",
    "lorry": "truck", "cab": "taxi", "yacht": "boat", "sailboat": "boat", "spaceship": "rocket", "cottage": "house",
    "home": "house", "couch": "sofa", "settee": "sofa", "tv": "television", "telly": "television", "present": "gift",
    "mug": "cup", "light bulb": "lamp", "hamburger": "burger", "doughnut": "donut", "french fries": "fries",
    "spectacles": "glasses",  "trousers": "jeans", "pants": "jeans", "t-shirt": "shirt",
    "jacket": "coat", "purse": "handbag", "rucksack": "backpack", "piglet": "pig", "calf": "cow", "lamb": "sheep",
    "ape": "monkey", "hare": "rabbit", "toad": "frog", "tortoise": "turtle", "alligator": "crocodile",
    "serpent": "snake", "orca": "whale", "bumblebee": "bee", "ladybird": "ladybug", "sunflower": "flower",
    "fir": "pine", "palm tree": "palm", "flame": "fire", "globe": "earth",
    "stone": "rock", "aubergine": "eggplant", "maize": "corn", "loaf": "bread", "biscuit": "cookie", "sweet": "candy",
    "kettle": "teapot", "tub": "bathtub", "pc": "computer", "notebook computer": "laptop",
    "mobile phone": "phone", "smartphone": "phone", "letter": "envelope", "padlock": "lock", "spanner": "wrench",
    "cog": "gear", "pail": "bucket", "wool": "yarn", "soccer ball": "ball", "football": "ball", "steam train": "train",
    "locomotive": "train", "chopper": "helicopter", "flying saucer": "ufo", "skyscraper": "building", "fiddle": "violin",
    "fire engine": "fire truck", "teddy": "teddy bear", "bullseye": "target", "dartboard": "target", "gem": "diamond",
    "jack-o'-lantern": "pumpkin", "infant": "baby", "lady": "woman", "guy": "man", "santa claus": "santa",
    "emoji": "smiley", "grizzly": "bear", "seagull": "bird", "pigeon": "dove", "trainers": "sneaker",
}  # fmt: skip
PLURALS = {
    "cats": "cat", "buses": "bus", "boxes": "box", "cherries": "cherry", "butterflies": "butterfly", "wolves": "wolf",
    "mice": "mouse", "geese": "goose", "sheep": "sheep", "deer": "deer", "fish": "fish", "men": "man", "women": "woman",
    "babies": "baby", "teeth": "tooth", "knives": "knife", "leaves": "leaf", "loaves": "bread", "watches": "watch",
    "potatoes": "potato", "tomatoes": "tomato", "candies": "candy", "strawberries": "strawberry", "puppies": "dog",
    "cacti": "cactus", "octopuses": "octopus", "foxes": "fox", "torches": "torch", "dresses": "dress",
    "paintbrushes": "paintbrush", "scarves": "scarf", "mangoes": "mango", "pianos": "piano", "churches": "church",
    "hippos": "hippo", "rhinos": "rhino", "monkeys": "monkey", "keys": "key", "trophies": "trophy", "dice": "dice",
    "bunnies": "rabbit", "ponies": "horse", "calves": "cow", "axes": "axe", "kiwis": "kiwi", "daisies": "daisy",
    "people": "man", "eyes": "eye", "hot dogs": "hot dog", "cups of tea": "cup", "christmas trees": "christmas tree",
    "sandwiches": "sandwich", "peaches": "peach", "snowmen": "snowman",
}  # fmt: skip
# Words no list of things has; a prompt of each with two known words must report just that one.
UNKNOWN = (
    "quixotic", "zeppelin", "harpsichord", "gazebo", "colander", "trebuchet", "ocarina", "kumquat", "obelisk",
    "thimble", "sextant", "abacus", "portcullis", "marzipan", "periscope", "tapestry", "escalator", "chandelier",
    "accordion", "monocle",
)  # fmt: skip


def rows(studio: Studio) -> list[Row]:
    """Return how many nouns there are, and how many of the words people use are understood."""
    vocabulary = load_vocabulary(studio.weights)
    own = {noun.word for noun in vocabulary.nouns if _noun(f"a {noun.word}", vocabulary) == noun.word}
    spoken = [_trial(f"a {word}", noun, vocabulary) for word, noun in SYNONYMS.items() if noun in own]
    many = [_trial(f"three {word}", noun, vocabulary) for word, noun in PLURALS.items() if noun in own]
    return [
        Figure("names: nouns understood", 250, len(own), len(vocabulary.nouns), digits=0, slack=0),
        Share("names: other words for them", 0.90, spoken, slack=0.05),
        Share("names: plurals", 0.90, many, slack=0.05),
        Share("names: unknown words reported, and only they", 0.95, [_reported(word, studio) for word in UNKNOWN]),
    ]


def _noun(prompt: str, vocabulary: Vocabulary) -> str:
    """Return the one noun a prompt is read as, "" where it is none or several."""
    wishes = understand(prompt, vocabulary, editing=False).objects
    return vocabulary.nouns[wishes[0].noun].word if len(wishes) == 1 and wishes[0].noun >= 0 else ""


def _trial(prompt: str, noun: str, vocabulary: Vocabulary) -> Trial:
    found = _noun(prompt, vocabulary)
    return Trial(prompt, found == noun, found or "nothing")


def _reported(word: str, studio: Studio) -> Trial:
    made = studio.easel.paint(f"a blue {word} on the grass", size=64)
    note = made.note("unknown_words")
    words = list(note.data["words"]) if note else []
    return Trial(word, [said for said in words if said != "blue"] == [word], ", ".join(words))
