"use strict";
/** The page's words in English. `*…*` is emphasis, a pair of backquotes code, `{name}` a value. */
globalThis.learn = globalThis.learn ?? {};
learn.strings = learn.strings ?? {};

learn.strings.en = {
  "title": "A critic you can touch: gradpen",
  "heading": "A critic you can touch",
  "lead":
    "A Wasserstein GAN has a generator, which makes samples, and a critic, which scores points of the plane: data high, samples low. Both train here, in your browser. One critic is held by weight clipping, the other by a gradient penalty; they begin with the same weights and see the same data.",
  "skip": "To the playground",
  "language": "Language",
  "playground": "Playground",
  "settings": "Settings",

  "scenes": "Show",
  "scene.eight": "Figure 1a: 8 Gaussians",
  "scene.twenty-five": "25 Gaussians",
  "scene.roll": "Swiss roll",
  "scene.deep": "Figure 1b: 12 layers",
  "scene.players": "Train the generator too",
  "scene.unconstrained": "A critic without bounds",

  "play": "Play",
  "pause": "Pause",
  "step": "One step",
  "restart": "Restart",
  "data": "Data",
  "data.8gaussians": "8 Gaussians",
  "data.25gaussians": "25 Gaussians",
  "data.swissroll": "Swiss roll",
  "data.drawn": "Draw your own",
  "pad": "Drawing pad. Arrow keys move the cursor, space places a point, backspace removes the last one.",
  "pad.hint": "Draw here, or use the arrow keys and space",
  "clear": "Clear the drawing",
  "drawing.placed": "Points in the drawing: {count}",
  "generator": "Generator",
  "generator.fixed": "Fixed: data plus noise",
  "generator.trained": "Trained",
  "view": "Compare",
  "view.both": "Two critics",
  "view.one": "One critic",
  "colours": "Colour scale",
  "colours.own": "For each critic",
  "colours.shared": "One for both",
  "seed": "Random seed",
  "chance": "New",
  "slider.criticSteps": "Critic steps (n_critic)",
  "slider.depth": "Hidden layers of the critic",
  "slider.width": "Width of a layer",
  "slider.batch": "Batch size",
  "slider.clip": "Clipping threshold c",
  "slider.weight": "Penalty coefficient λ",
  "slider.criticRate": "Learning rate, critic",
  "slider.generatorRate": "Learning rate, generator",
  "constraint": "Constraint",
  "constraint.none": "No constraint",
  "constraint.clipping": "Weight clipping",
  "constraint.penalty": "Gradient penalty",
  "link-note": "The address of this page holds these settings. The same link starts the same run.",
  "frames": "{n} frames a second",
  "iteration": "iteration {n}",

  "chart.gap": "Wasserstein estimate (gap)",
  "chart.slope": "Mean slope on interpolates",
  "chart.layers": "Gradient norm of each layer",
  "chart.weights": "Weights of the critic",
  "chart.nearness": "Fréchet distance",
  "at-bound": "({share} % at ±c)",

  "says.untrained": "Not trained yet: random weights, random scores.",
  "says.above":
    "Data score {gap} above samples on average. The critic’s loss is {loss}, negative as it should be.",
  "says.below":
    "Samples score {loss} above data on average, so the critic’s loss is positive: it has not found the data yet, or cannot tell samples from them.",
  "says.scale.penalty": "At a slope of 1 this is the Wasserstein estimate; the slope is {slope}.",
  "says.scale.clipping": "It estimates the distance times a factor that nobody knows; the slope is {slope}.",
  "says.scale.none": "Nothing bounds the slope, now {slope}, so this estimates nothing.",
  "says.summits": "Summits on {n} of the 8 Gaussians.",
  "surface.alternative":
    "Value surface. {constraint}, iteration {iteration}. Scores from {low} to {high}. Wasserstein estimate {gap}, mean slope on interpolates {slope}. Gradient norm of the first hidden layer {first}, of the last {last}.",
  "key.real": "data",
  "key.fake": "samples of the generator",
  "key.arrows": "gradient of the score: where the critic sends samples; lengths are relative to the longest in the picture",
  "reading":
    "Look at the numbers under each picture. Scores of the clipped critic differ by thousandths, and its surface is one smooth hill: it sees where the data are as a whole. The penalised critic has a slope near 1, and after some hundred iterations a summit on each Gaussian. With *one colour scale for both*, the clipped critic is a single colour. Both begin with the same weights and see the same points. So that this takes seconds, the networks are small, learning rates are larger than in the papers and λ is 2, where the WGAN-GP paper has 10.",

  "announce.playing": "Training goes on from iteration {n}.",
  "announce.paused": "Paused at iteration {n}.",
  "announce.stepped": "Iteration {n}. The Wasserstein estimate of the last critic is {gap}.",
  "announce.restarted": "Started again with seed {seed}.",
  "announce.scene": "{scene}.",

  "chapters": "Six short chapters",

  "loss.title": "What the critic’s loss means",
  "loss.1":
    "A critic gives every point a score. It learns to score data high and samples low. Its loss is the mean score of samples less the mean score of data, and training makes the loss small. So a critic that does its work has a *negative* loss. Nothing is wrong with −0.8 in a log. A positive loss says that the critic, at this moment, scores samples above data.",
  "loss.2":
    "With the opposite sign it is the *critic gap*: the mean score of data less that of samples. Suppose that the critic is nowhere steeper than 1. Then two scores differ by no more than the distance of their points, and the gap cannot be larger than the average way that samples have to go to become the data, each on the best way. The best such critic reaches that number, the Wasserstein-1 distance. For this reason the gap is called the *Wasserstein estimate*.",
  "loss.3":
    "The penalty is part of what is minimised, but no part of the estimate. gradpen logs the two apart, as `critic_loss` and `penalty`. Code that logs their sum shows a gap of 0.8 with a penalty of 0.1 as −0.7.",
  "loss.4":
    "A single score means nothing: add 100 to all of them, and no difference changes. That is why the level of the generator’s loss, minus the mean score of samples, says nothing either.",
  "loss.shift": "Where the samples are",
  "loss.distance": "Exact distance",
  "loss.gap": "Critic gap",
  "loss.loss": "Critic loss",
  "loss.alternative": "The critic’s score along a line. Data are at 0, samples at {shift}. Critic gap {gap}.",
  "loss.caption":
    "Orange: data. Grey: samples. Move the samples. The critic turns and its gap follows the exact distance; it ends a little above, because the penalty is soft. Jump to the other side: the loss is positive until the critic has noticed. The curve is the score less its value at 0.",

  "clipping.title": "Why clipping makes critics simple",
  "clipping.1":
    "Weight clipping is the first answer to the question of how to keep a critic from being too steep. After each step every weight is put back into [−c, c]. That bounds the slope, but by a number that nobody knows: it depends on c, on the width and on the depth.",
  "clipping.2":
    "To score data as high and samples as low as it can, a clipped critic becomes as steep as its bound allows, and so its weights go to −c and c. The histograms above show it. Few functions can be made of such weights. The critic finds where the data are as a whole, and misses their finer shape, which the paper calls the higher moments.",
  "clipping.3":
    "Depth makes it worse. Going back by one layer, the gradient passes a matrix whose entries are about ±c. If signs are random and half of the units are on, its length is multiplied by about c√(n/2) for width n. At c = 0.01 and n = 64 that is 0.057, and over eleven layers next to nothing is left. At a c a few times larger than √(2/n) the gradient explodes instead. No single c suits all depths and widths.",
  "clipping.4":
    "A gradient penalty asks for a slope near 1 at points between data and samples, and leaves the weights free. The gradient then reaches the first layer about as strong as it left the last.",
  "clipping.train": "Train both, 150 steps",
  "clipping.says":
    "After {steps} steps. From a layer to the one before it, the clipped critic’s gradient is multiplied by {clipped} (random signs: {expected}), the penalised critic’s by {penalised}. The clipped critic’s first layer gets {total} of what its last one gets.",
  "clipping.caption":
    "Norm of the loss’s gradient at each hidden layer, 1 being the first. Orange: weights clipped at c. Blue: the same beginning, trained with the penalty. Swiss roll, width 64.",

  "batchnorm.title": "Why no batch norm under a penalty",
  "batchnorm.1":
    "Batch norm replaces each value inside a network by its distance from the mean of the batch, counted in standard deviations of the batch. A score is then no longer a function of one point. It depends on all other points that happen to be in the batch.",
  "batchnorm.2":
    "The gradient penalty is about a function of one point: at each x̂ alone, the slope of D should be 1. With batch norm there is no such function. What the code differentiates is the sum of all scores, so the gradient at one point contains how that point changes the scores of the others. The penalty still pulls on something, but it is not the slope that the theory is about.",
  "batchnorm.3":
    "Layer norm takes mean and deviation over the values of one example, so that a score stays a function of its own point. The paper recommends it where a critic wants a norm; none at all works too. The generator may have batch norm, since nobody takes its slope. gradpen refuses a critic with batch norm under a penalty, and names the layer.",
  "batchnorm.norm": "Normalisation in the critic",
  "batchnorm.norm.none": "None",
  "batchnorm.norm.batch": "Batch norm",
  "batchnorm.norm.layer": "Layer norm",
  "batchnorm.place": "Where point A is",
  "batchnorm.moves":
    "Point B has not moved, but its score has: {score} with A at {x}. Moving A across the plane changes the score of B by {range}.",
  "batchnorm.rests": "Point B has the score {score}, wherever A is. Moving A changes it by {range}.",
  "batchnorm.caption":
    "The score of point B, drawn over the place of point A. Both are in one batch of four; only A moves. The critic is a random one with two hidden layers of 16.",

  "balance.title": "The balance of the two players, troubles and remedies",
  "balance.1":
    "In a Wasserstein GAN the critic should be ahead. Its gap estimates a distance only while it is near its best, and only then does its gradient lead samples to the data. That is why both papers take five critic steps for each generator step. A discriminator that is too good leaves the generator without a gradient; a good critic does not.",
  "balance.2":
    "Most troubles are one of three. *The critic is not held:* slopes are large, and the gap is a large number without meaning. *The critic is held too tightly, or cannot keep up:* the slope is near 0, or the gap is about 0 while samples are far from the data. *The generator cannot:* the critic is right and the gap stays.",
  "balance.3":
    "So read the slope first. If it is right, read the gap, and whether it falls. Then look at the samples, or at their distance from data that were held out of training. `gradpen diagnose RUN` reads a run in this way, by fixed rules, and prints what to change as a command.",
  "trouble": "What was done to the run",
  "trouble.no-penalty": "The penalty was left out",
  "trouble.clip-small": "Clipping at 0.001",
  "trouble.clip-large": "Clipping at 1",
  "trouble.rate-high": "Learning rates of 0.1",
  "trouble.fast-generator": "A generator that is too fast",
  "trouble.one-latent": "A latent of one number",
  "symptom.no-penalty":
    "The slope grows beyond a million, and the gap swings between huge negative and positive numbers. Samples stop coming nearer at about three times the healthy distance.",
  "symptom.clip-small":
    "Slope and gap are millionths or less. The critic is flat, and what gradient the generator gets is as small.",
  "symptom.clip-large":
    "The bound is so wide that no weight reaches it. The curves are those of a critic that nothing holds.",
  "symptom.rate-high":
    "After a few steps the weights are huge. The slope stays above a thousand, the gap is negative, and samples are farther from the data than before training.",
  "symptom.fast-generator":
    "The slope is right, but the gap is about 0 while samples are far from the data. The critic is always late, and its gradient leads nowhere.",
  "symptom.one-latent":
    "The critic is well: its slope is near 1. But the gap stays near 3 where the healthy run has 1, because samples lie on a curve and leave out much of the data. This is a kind of mode collapse.",
  "remedy.no-penalty": "Constrain the critic: `constraint=gradient-penalty`, with `constraint.weight=10`.",
  "remedy.clip-small":
    "Clip less tightly, `constraint.threshold=0.01`, or take the gradient penalty, which needs no such choice.",
  "remedy.clip-large": "Clip at 0.01, or take the gradient penalty: `constraint=gradient-penalty`.",
  "remedy.rate-high":
    "Lower both rates: `generator_optimizer.learning_rate=0.0001` and `critic_optimizer.learning_rate=0.0001` are those of the WGAN-GP paper.",
  "remedy.fast-generator": "More critic steps, `critic_steps=5`, and a slower generator.",
  "remedy.one-latent": "More latents: `generator.latent_dim=64`.",
  "balance.symptom": "What is seen",
  "balance.verdict": "Verdict of gradpen diagnose",
  "balance.remedy": "What to change",
  "balance.alternative": "{curve} over iterations. {run}, and a healthy run in grey.",
  "balance.caption":
    "Recorded runs of WGAN-GP on small digits, 600 iterations each. Orange: the sick run. Grey: the healthy one. The Fréchet distance compares features of samples with those of held-out digits; slope and distance have powers of ten.",

  "conditional.title": "Conditional samples",
  "conditional.1":
    "A conditional GAN lets you ask. Both players are told a label y: the generator makes G(z, y), and the critic scores D(x, y). So the critic can give a good sample with the wrong label a low score. Here the label is the number of one of eight Gaussians, given as eight inputs of which one is 1.",
  "conditional.2":
    "Three things are easily got wrong. The samples that the critic sees have the labels of the data beside them, so that labels alone do not give samples away. On interpolates only the point is mixed, and the label stays. And the penalty’s gradient is taken with respect to the point alone: a label is nothing to move along.",
  "conditional.3":
    "Press play, and then ask for one label. Each label gets the same 64 latents, so what differs is what the label does. In gradpen a run is conditional with `gradpen train photos/ --labels folders --conditional`, and `gradpen sample RUN --labels all` draws a row for each label. If labels change nothing, `gradpen diagnose` says `condition ignored`.",
  "label": "Label asked for",
  "label.all": "All",
  "label.1": "1",
  "label.2": "2",
  "label.3": "3",
  "label.4": "4",
  "label.5": "5",
  "label.6": "6",
  "label.7": "7",
  "label.8": "8",
  "conditional.says": "Iteration {n}: {share} % of samples are where their label says, within 0.3.",
  "conditional.caption":
    "Circles: the eight Gaussians, with their labels. Dots: samples, coloured by the label that was asked for. WGAN-GP, two critic steps, λ = 0.1.",

  "report.title": "How to read gradpen’s report",
  "report.1":
    "Every run of gradpen writes a page, `report.html`. It begins with the verdict. Then come the curves, each with sentences that say what this run’s numbers mean, and samples over time. The figure shows four of the six curves of a healthy run, WGAN-GP on small digits. Choose one and move the mark.",
  "report.2":
    "*Critic gap:* on training data and on held-out data. Where the two part, the critic learns the training data by heart. *Mean slope:* near 1 under a penalty; far above, the critic is not held. *Fréchet distance:* from samples to held-out data, in features; smaller is nearer, and it chooses the best checkpoint. *Gradient norms:* only powers of ten matter; a generator whose gradient vanishes learns nothing.",
  "report.3":
    "A gap that stays level is no failure by itself: the critic may get better as fast as the generator does. Judge training by the slope and by the course of the gap, and samples by their distance and by your eyes.",
  "report.panel": "Curve",
  "report.panel.gap": "Critic gap",
  "report.panel.slope": "Mean slope",
  "report.panel.nearness": "Fréchet distance",
  "report.panel.norms": "Gradient norms",
  "report.mark": "Iteration",
  "report.says.gap":
    "Iteration {n}: the gap is {first} on training data (blue) and {second} on held-out data (orange). The critic’s loss is about {loss}: negative, as it should be.",
  "report.says.slope": "Iteration {n}: the mean slope between data and samples is {first}; the penalty asks for 1.",
  "report.says.nearness":
    "Iteration {n}: samples are {first} from held-out digits, in features. Smaller is nearer. The scale has powers of ten.",
  "report.says.norms":
    "Iteration {n}: the gradient has norm {first} over the critic’s weights (blue) and {second} over the generator’s (orange). Neither vanishes, neither explodes.",
  "report.caption":
    "A run recorded with gradpen: `gradpen train` with the preset `wgan-gp-digits`, 600 iterations.",

  "sources":
    "After Arjovsky, Chintala and Bottou, Wasserstein GAN (2017, arXiv 1701.07875), and Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville, Improved Training of Wasserstein GANs (2017, arXiv 1704.00028), figures 1a and 1b. The networks, their derivatives and that of the penalty are written by hand in plain JavaScript, and are tested against PyTorch. Nothing is loaded from elsewhere, nothing leaves this page.",
};
