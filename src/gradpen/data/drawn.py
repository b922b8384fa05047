"""Drawn stand-ins for data that cannot be shipped: bricks and faces, 2,000 of each, the same on every machine.

They are drawn at twice their size and averaged down. Positions, sizes, colours and attributes are random and
independent of one another.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gradpen.data.labels import Labels, class_labels

COUNT = 2000
SIDE = 64
DRAWN = 2 * SIDE
BRICKS = ((1, 2), (1, 4), (2, 2), (2, 3), (2, 4))
"""studs of each kind of brick, across and along"""
ATTRIBUTES = ("Blond_Hair", "Eyeglasses", "Smiling")
SHARES = (0.15, 0.3, 0.5)
"""how often a face has each attribute"""
HAIR = (slice(10, 15), slice(26, 38))
"""rows and columns of a face that show hair whatever else is drawn"""
DARK_HAIR = ((58, 38, 28), (30, 26, 28), (96, 58, 34), (120, 40, 30))
BLOND_HAIR = ((236, 206, 118), (222, 186, 92), (244, 222, 150))
SKIN = ((244, 208, 180), (224, 176, 138), (188, 134, 98), (132, 88, 62))

Point = tuple[float, float]
Random = np.random.Generator


def bricks() -> tuple[NDArray[np.uint8], Labels]:
    """Return grey bricks on black, uint8 ``[2000, 1, 64, 64]``, with their kind as the class."""
    random = np.random.Generator(np.random.Philox(key=1))
    kinds = random.integers(0, len(BRICKS), COUNT)
    images = np.stack([np.asarray(shrink(draw_brick(random, *BRICKS[kind]))) for kind in kinds])
    return images[:, None], class_labels(kinds, tuple(f"brick {a}x{b}" for a, b in BRICKS))


def faces() -> tuple[NDArray[np.uint8], Labels]:
    """Return faces in colour, uint8 ``[2000, 3, 64, 64]``, with three attributes."""
    random = np.random.Generator(np.random.Philox(key=2))
    values = (random.random((COUNT, len(SHARES))) < SHARES).astype(np.float32)
    images = [np.asarray(shrink(draw_face(random, *(bool(value) for value in row)))) for row in values]
    labels = Labels(kind="attributes", names=ATTRIBUTES, values=values)
    return np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2)), labels


def shrink(image: Image.Image) -> Image.Image:
    """Return the picture at its final size, averaged."""
    return image.resize((SIDE, SIDE), Image.Resampling.BOX)


def draw_brick(random: Random, across: int, along: int) -> Image.Image:
    """Draw one brick, turned about its vertical axis and seen from above at an angle."""
    image = Image.new("L", (DRAWN, DRAWN), int(random.integers(8, 24)))
    draw = ImageDraw.Draw(image)
    turn, shade = random.uniform(0, 2 * math.pi), random.uniform(0.6, 1.0)
    unit = random.uniform(17, 20)
    middle = DRAWN / 2 + random.uniform(-5, 5, 2)

    def project(x: float, y: float, z: float) -> Point:
        right = x * math.cos(turn) - y * math.sin(turn)
        away = x * math.sin(turn) + y * math.cos(turn)
        return middle[0] + unit * right, middle[1] + unit * (0.6 * away - 0.8 * z)

    half = (across / 2, along / 2)
    corners = [(-half[0], -half[1]), (half[0], -half[1]), (half[0], half[1]), (-half[0], half[1])]
    draw.polygon([project(x + 0.25, y + 0.25, -0.75) for x, y in corners], fill=4)
    for index in range(4):
        (x0, y0), (x1, y1) = corners[index], corners[(index + 1) % 4]
        normal = math.sin(turn) * (x0 + x1) + math.cos(turn) * (y0 + y1)
        if normal > 0:
            light = shade * (90 + 50 * math.cos(turn + index * math.pi / 2))
            draw.polygon(
                [project(x0, y0, -0.6), project(x1, y1, -0.6), project(x1, y1, 0.6), project(x0, y0, 0.6)],
                fill=int(light),
            )
    draw.polygon([project(x, y, 0.6) for x, y in corners], fill=int(200 * shade))
    places = [(a - (across - 1) / 2, b - (along - 1) / 2) for a in range(across) for b in range(along)]
    for x, y in sorted(places, key=lambda place: project(place[0], place[1], 0)[1]):
        for height, light in ((0.6, 120), (0.85, 235)):
            (u, v), radius = project(x, y, height), 0.3 * unit
            draw.ellipse((u - radius, v - 0.6 * radius, u + radius, v + 0.6 * radius), fill=int(light * shade))
    return image


def draw_face(random: Random, blond: bool, eyeglasses: bool, smiling: bool) -> Image.Image:
    """Draw one face: hair as a cap behind an oval, eyes, a mouth, and glasses if it has them."""
    image = Image.new("RGB", (DRAWN, DRAWN), tuple(int(value) for value in random.integers(120, 230, 3)))
    draw = ImageDraw.Draw(image)
    x, y = DRAWN / 2 + random.uniform(-4, 4, 2)
    wide, tall = random.uniform(32, 38), random.uniform(42, 48)
    skin, hair = pick(random, SKIN), pick(random, BLOND_HAIR if blond else DARK_HAIR)
    longer = random.uniform(0, 30)
    draw.ellipse((x - wide - 8, y - tall - 10, x + wide + 8, y + 10 + longer), fill=hair)
    draw.ellipse((x - wide, y - tall + 16, x + wide, y + tall), fill=skin)
    apart, level = random.uniform(13, 17), y - random.uniform(0, 5)
    look = random.uniform(-2, 2)
    for side in (-apart, apart):
        draw.ellipse((x + side - 6, level - 4, x + side + 6, level + 4), fill=(250, 250, 250))
        draw.ellipse((x + side - 3 + look, level - 3, x + side + 3 + look, level + 3), fill=(40, 30, 30))
        if eyeglasses:
            draw.ellipse((x + side - 11, level - 10, x + side + 11, level + 10), outline=(20, 20, 20), width=3)
    if eyeglasses:
        draw.line((x - apart + 11, level, x + apart - 11, level), fill=(20, 20, 20), width=3)
    draw.line((x, level + 5, x - 2, y + 13), fill=darker(skin), width=2)
    low, lips = y + random.uniform(23, 27), (170, 50, 60)
    if smiling:
        draw.chord((x - 14, low - 12, x + 14, low + 8), 20, 160, fill=lips)
    else:
        draw.line((x - 11, low, x + 11, low), fill=lips, width=4)
    return image


def pick(random: Random, colours: tuple[tuple[int, int, int], ...]) -> tuple[int, int, int]:
    """Return one of the colours, a little changed."""
    red, green, blue = np.clip(np.array(colours[random.integers(len(colours))]) + random.integers(-10, 11, 3), 0, 255)
    return int(red), int(green), int(blue)


def darker(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return the colour of a shadow on it."""
    red, green, blue = (int(0.75 * value) for value in colour)
    return red, green, blue
