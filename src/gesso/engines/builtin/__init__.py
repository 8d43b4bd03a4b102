"""The built-in engine: our own small model that draws objects as layers over a background or a photograph.

Where to look, in the order a task goes through (`engine.py` takes it, `painter.py` leads it, `ask.py` and `notes.py` are its
words in and out):

- reading a prompt: words, commands, drafts, kinds, spelling; their words in lexicon, wordlists, vocabulary; the result in wishes
- changing what is there: alter, altered, retouch, tint; finding it: finder, traits, search, pose, outlines;
  filling its hole: fill, patches, membrane, grow, islands
- deciding places: plan, layout, clusters, masked
- what is behind: background, scene, grounds, places, walls
- drawing objects: drawing, sampler, network, sharpen, session, first_use, dice; from the place's own pixels: place
- a reference's thing: cutout, reference; its colours: colours
- bringing them into the picture: laying, enlarge, compose, previews; looks of the whole: looks
"""
