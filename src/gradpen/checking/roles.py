"""What an argument, attribute or global is for, told by its name: the conventions of public code."""

from typing import Literal

Role = Literal[
    "critic",
    "real",
    "fake",
    "points",
    "scores",
    "real_scores",
    "fake_scores",
    "gradient",
    "ones",
    "penalty",
    "epsilon",
    "weight",
    "other weight",
    "target",
    "labels",
    "device",
    "batch",
    "generator",
    "latents",
    "switch",
    "group",
    "size",
    "pack",
    "unknown",
]
WHOLE: dict[Role, tuple[str, ...]] = {
    "critic": (
        "d",
        "f",
        "c",
        "net",
        "model",
        "dis",
        "crit",
        "network",
        "fn",
        "func",
        "judge",
        "adversary",
        "f_model",
        "d_model",
        "c_model",
        "modeld",
        "modelc",
        "model_d",
        "model_c",
        "nete",
        "net_e",
        "energy_net",
    ),
    "real": (
        "x",
        "xr",
        "x_r",
        "data",
        "images",
        "imgs",
        "img",
        "image",
        "inputs",
        "input",
        "x1",
        "a",
        "target_data",
        "minibatch",
        "mini_batch",
        "hr",
        "gt",
        "features",
        "feats",
        "img_features",
        "input_res",
        "x_features",
    ),
    "fake": ("xf", "x_f", "xg", "x_g", "samples", "x2", "b", "output_data", "z_x", "sr"),
    "real_scores": ("fx", "d_x", "dx", "errd_real"),
    "fake_scores": ("fgz", "d_g_z", "dgz", "d_g", "errd_fake"),
    "scores": ("y", "out", "dx", "d_x", "d_out"),
    "epsilon": ("alpha", "eps", "epsilon", "epsilons", "alphas", "t"),
    "weight": ("w", "gamma", "lmbda", "l", "lambd"),
    "penalty": ("gp", "penalty", "grad_penalty", "gradient_penalty"),
    "target": ("k", "phi", "target", "center", "centre", "constant"),
    "labels": (
        "y",
        "labels",
        "label",
        "cond",
        "c",
        "cls",
        "gy",
        "real_c",
        "gen_c",
        "fake_c",
        "real_y",
        "fake_y",
        "input_att",
        "input_label",
    ),
    "batch": ("n", "bs", "b_size", "batch", "nb"),
    "generator": ("g", "gen", "modelg", "model_g", "netg", "g_net", "generator", "decoder"),
    "latents": ("z", "noise", "latent", "latents"),
    "size": ("latent_d", "noise_d", "z_d"),
    "device": ("device", "dev"),
    "pack": ("pac", "pack", "packing", "n_pack", "pac_size", "pack_size"),
    "group": (
        "opt",
        "opts",
        "args",
        "arg",
        "config",
        "cfg",
        "conf",
        "hparams",
        "hp",
        "params",
        "options",
        "flags",
        "nets",
        "models",
        "networks",
    ),
}
"""names that mean a thing where they stand alone"""
WEIGHTS = ("lambda", "lamb", "lamda", "weight", "coef", "gp_w", "gp_scale")
OF_OTHERS = (
    "cls",
    "class",
    "rec",
    "aux",
    "idt",
    "ident",
    "cyc",
    "l1",
    "feat",
    "perc",
    "vgg",
    "kl",
    "_tv",
    "info",
    "attr",
    "_var",
    "decay",
)
"""parts of the names that weights of other losses than the penalty have"""
PARTS: tuple[tuple[Role, tuple[str, ...]], ...] = (
    (
        "unknown",
        (
            "optim",
            "criterion",
            "n_critic",
            "critic_iter",
            "critic_step",
            "num_critic",
            "critics_num",
            "critic_num",
            "buffer",
            "loader",
            "replay",
            "get_disc",
            "_acc",
            "disc_loss",
            "critic_loss",
            "discriminator_loss",
            "loss_disc",
            "loss_critic",
        ),
    ),
    ("latents", ("g_input", "gen_input", "generator_input")),
    ("size", ("z_dim", "dim_z", "zdim", "latent_dim", "noise_dim", "nz", "latent_size", "noise_size", "n_latent")),
    (
        "weight",
        ("lambda", "lamda", "penalty_weight", "penalty_coef", "penalty_scale", "gp_weight", "gp_coef", "r1_factor"),
    ),
    ("ones", ("grad_out", "gradout")),
    ("gradient", ("grad",)),
    (
        "scores",
        (
            "d_interp",
            "disc_interp",
            "p_interp",
            "interp_crit",
            "interp_critic",
            "d_hat",
            "out_hat",
            "pred_hat",
            "score",
            "logit",
            "pred",
            "validity",
            "d_out",
            "d_real",
            "d_fake",
        ),
    ),
    ("switch", ("conditional",)),
    ("labels", ("label", "cond", "onehot", "one_hot", "class_", "attr")),
    ("weight", WEIGHTS),
    ("points", ("interp", "averaged", "x_hat", "xhat", "x_in", "mixed", "hat")),
    ("batch", ("batch_size", "batchsize", "batchsz", "batch_sz")),
    ("critic", ("critic", "discrim", "netd", "d_net", "dnet", "disc", "net_d", "dis_model")),
    ("generator", ("netg", "net_g", "g_net", "generator", "gnet")),
    ("real", ("real", "true_", "_true", "x_data", "expert", "demo")),
    ("fake", ("fake", "gen", "synth", "false", "tilde", "policy", "agent", "learner", "recon")),
    ("switch", ("cuda", "gpu", "verbose", "debug", "one_sided", "onesided", "use_", "enable", "with_")),
    ("epsilon", ("epsilon", "alpha")),
    ("latents", ("noise", "latent")),
    ("scores", ("output", "_out")),
    ("device", ("device",)),
    ("target", ("target", "center")),
)
"""parts of names, what tells most first"""


SCALERS = ("scaler", "gradscaler", "ampscaler")
"""what scales losses up in half precision"""
PENALISED = ("gp", "penal", "wgan")
"""parts of the names of switches that are on"""
SAMPLED: tuple[Role, ...] = ("real", "fake")
SIDES: dict[Role, tuple[str, ...]] = {
    "real_scores": ("real", "true", "demo", "expert"),
    "fake_scores": ("fake", "gen", "synth", "false", "agent", "policy", "learner"),
}
SCORED = ("pred", "score", "logit", "valid", "output", "_out", "prob")
SCORED_FIRST = ("d_", "p_", "dis_", "disc_", "crit_", "critic_", "dreal", "dfake", "out_")
"""parts of names of scores, and what they begin with, beside a word for data or samples: real_pred, d_fake"""


def scores_of_a_side(plain: str) -> list[Role]:
    """Return whose scores a name stands for: of data, of samples, or none."""
    if not (any(part in plain for part in SCORED) or plain.startswith(SCORED_FIRST)):
        return []
    return [role for role, parts in SIDES.items() if any(part in plain for part in parts)][:1]


def roles_of(name: str) -> list[Role]:
    """Return what a name may stand for, the likeliest first.

    >>> roles_of("real_samples"), roles_of("d_interpolates"), roles_of("y"), roles_of("LAMBDA")
    (['real'], ['scores'], ['scores', 'labels'], ['weight'])
    """
    plain = name.strip("_").lower()
    if plain.replace("_", "") in SCALERS:
        return ["unknown"]
    if plain == "batch":  # its size, or data with their labels
        return ["batch", "unknown"]
    found = [role for role, names in WHOLE.items() if plain in names] + scores_of_a_side(plain)
    if "onehot" in plain.replace("_", "") and (side := [role for role in SAMPLED if role in plain]):
        return [*side, "labels"]
    if any(part in plain for part in WEIGHTS) and any(part in plain for part in OF_OTHERS):
        return ["other weight"]
    if not found or found[-1] in SIDES:
        found += [role for role, parts in PARTS if any(part in plain for part in parts)][:1]
    if not found and plain.startswith("x_"):
        return ["real"]
    return found or ["unknown"]


def is_a_picture(plain: str) -> bool:
    """Return whether a name says that it is a picture, of whatever: input_image."""
    return plain.endswith(("image", "images", "img", "imgs")) and not plain.startswith(("n_", "num_", "max_"))


def penalised(name: str) -> bool:
    """Return whether a switch of this name turns a penalty on."""
    return any(part in name.lower().replace("gpu", "") for part in PENALISED)


def role_of(name: str) -> Role:
    """Return what a name stands for most likely."""
    return roles_of(name)[0]
