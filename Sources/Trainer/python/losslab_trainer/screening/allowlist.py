"""What a loss may use: names, imports, functions of torch and math, tensor methods. Everything else is refused.

Covered: pure, deterministic mathematics on tensors. Left out on purpose: randomness, uninitialised memory (``empty``),
in-place methods, files, devices, autograd's own controls, and whatever reads a tensor's memory or its object.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BUILTINS = _words(
    """
    abs all any bool divmod enumerate filter float int isinstance len list map max min pow range reversed round slice
    sorted sum tuple zip
    """
)
ANNOTATIONS = _words(
    """
    Any Callable Dict Final List Optional Sequence Tuple Union bool dict float int list str tuple
    """
)
TYPING = ANNOTATIONS - {"bool", "dict", "float", "int", "list", "str", "tuple"}

_ELEMENTWISE = """
abs absolute acos acosh add addcdiv addcmul allclose arccos arccosh arcsin arcsinh arctan arctan2 arctanh asin asinh
atan atan2 atanh bitwise_and bitwise_not bitwise_or bitwise_xor ceil clamp clamp_max clamp_min clip copysign cos cosh
deg2rad digamma div divide eq equal erf erfc erfinv exp exp2 expm1 fix float_power floor floor_divide fmax fmin fmod
frac ge greater greater_equal gt hardshrink heaviside hypot i0 igamma igammac isclose isfinite isinf isnan isneginf
isposinf isreal ldexp le lerp less less_equal lgamma log log10 log1p log2 log_softmax logaddexp logaddexp2 logical_and
logical_not logical_or logical_xor logit lt masked_fill maximum minimum mul multiply mvlgamma nan_to_num ne neg negative
nextafter not_equal polygamma positive pow rad2deg reciprocal relu remainder round rsqrt rsub sgn sigmoid sign signbit
sin sinc sinh softmax sqrt square sub subtract tan tanh true_divide trunc where xlogy
"""
_REDUCING = """
all amax amin aminmax any argmax argmin argsort argwhere bincount bucketize corrcoef count_nonzero cov cummax cummin
cumprod cumsum diff dist dot histc inner kthvalue logcumsumexp logsumexp max mean median min mode msort nanmean
nanmedian nanquantile nansum nonzero norm numel outer prod quantile searchsorted sort std std_mean sum topk trace
trapezoid unique unique_consecutive var var_mean vdot
"""
_SHAPING = """
addmm addmv adjoint baddbmm bmm broadcast_to chunk clone detach diag diag_embed diagonal flatten flip fliplr flipud
gather ger index_add index_copy index_fill index_put index_select kron masked_scatter masked_select matmul mm moveaxis
movedim mv narrow permute ravel repeat_interleave reshape roll rot90 scatter scatter_add scatter_reduce select split
split_with_sizes squeeze swapaxes swapdims t take take_along_dim tensor_split tile transpose tril triu unbind unflatten
unsqueeze
"""
_COMMON = _words(_ELEMENTWISE + _REDUCING + _SHAPING)

DTYPES = _words(
    """
    bfloat16 bool double float float16 float32 float64 half int int32 int64 long
    """
)
TENSOR_TYPES = _words(
    """
    Tensor FloatTensor DoubleTensor BoolTensor LongTensor HalfTensor BFloat16Tensor
    """
)

TORCH = (
    _COMMON
    | DTYPES
    | _words(
        """
    arange as_tensor asarray atleast_1d atleast_2d binary_cross_entropy_with_logits broadcast_shapes broadcast_tensors
    cat celu clip column_stack concat concatenate cosine_similarity cumulative_trapezoid dstack e einsum eye finfo full
    full_like hinge_embedding_loss hstack inf is_floating_point is_tensor kl_div linspace logspace margin_ranking_loss
    meshgrid nan no_grad ones ones_like pairwise_distance pi result_type row_stack scalar_tensor selu stack tensor
    tensordot threshold trapz tril_indices triu_indices vstack zeros zeros_like
    """
    )
)
FUNCTIONAL = _words(
    """
    binary_cross_entropy binary_cross_entropy_with_logits celu cosine_embedding_loss cosine_similarity cross_entropy elu
    gaussian_nll_loss gelu glu hardshrink hardsigmoid hardswish hardtanh hinge_embedding_loss huber_loss kl_div l1_loss
    layer_norm leaky_relu linear log_softmax logsigmoid margin_ranking_loss mish mse_loss nll_loss normalize one_hot pad
    pairwise_distance poisson_nll_loss relu relu6 selu sigmoid silu smooth_l1_loss soft_margin_loss softmax softmin
    softplus softshrink softsign tanh tanhshrink threshold triplet_margin_loss
    """
)
MODULES = _words(
    """
    BCELoss BCEWithLogitsLoss CELU CosineSimilarity ELU Flatten GELU Hardshrink Hardsigmoid Hardswish Hardtanh
    HingeEmbeddingLoss HuberLoss Identity KLDivLoss L1Loss LeakyReLU LogSigmoid LogSoftmax MarginRankingLoss Mish
    MSELoss ReLU ReLU6 SELU Sigmoid SiLU SmoothL1Loss SoftMarginLoss Softmax Softmin Softplus Softshrink Softsign Tanh
    Tanhshrink Threshold
    """
)
SPECIAL = _words(
    """
    airy_ai bessel_j0 bessel_j1 digamma entr erf erfc erfcx erfinv exp2 expit expm1 gammainc gammaincc gammaln i0 i0e i1
    i1e log1p log_ndtr log_softmax logit logsumexp multigammaln ndtr ndtri polygamma psi round sinc softmax xlog1py
    xlogy zeta
    """
)
MATH = _words(
    """
    acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh degrees dist e erf erfc exp exp2 expm1 fabs floor
    fmod fsum gamma hypot inf isclose isfinite isinf isnan ldexp lgamma log log10 log1p log2 nan pi pow prod radians
    remainder sin sinh sqrt tan tanh tau trunc
    """
)

# What may be reached by its dotted name, by module.
MEMBERS: dict[str, frozenset[str]] = {
    "torch": TORCH | TENSOR_TYPES,
    "torch.nn": MODULES,
    "torch.nn.functional": FUNCTIONAL,
    "torch.special": SPECIAL,
    "math": MATH,
    "typing": TYPING,
    "__future__": frozenset({"annotations"}),
}
SUBMODULES = frozenset({"torch", "torch.nn", "torch.nn.functional", "torch.special", "math"})

METHODS = _COMMON | _words(
    """
    add append bfloat16 bool contiguous device dim div double dtype eps expand expand_as float half indices int
    is_floating_point is_nonzero item long max min mT mul ndim ndimension nelement new_full new_ones new_tensor
    new_zeros repeat requires_grad reshape_as shape short size smallest_normal sub sum_to_size T tiny to tolist type_as
    values view view_as
    """
)

# Keyword arguments that write into something, or reach for a generator or autograd.
KEYWORDS_REFUSED = frozenset({"out", "inplace", "generator", "requires_grad", "pin_memory", "device_ids"})

# Why, for what models write most often.
REASONS: dict[str, str] = {
    "data": "it goes around autograd; use .detach()",
    "grad": "a loss does not read gradients",
    "backward": "a loss does not run autograd; return the loss values",
    "requires_grad_": "a loss does not control autograd",
    "numpy": "a loss stays in torch",
    "cpu": "a loss does not choose devices",
    "cuda": "a loss does not choose devices",
    "autograd": "a loss does not run autograd; return the loss values",
    "empty": "its memory is not initialised; use zeros",
    "empty_like": "its memory is not initialised; use zeros_like",
    "new_empty": "its memory is not initialised; use new_zeros",
    "storage": "a loss does not touch a tensor's memory",
    "untyped_storage": "a loss does not touch a tensor's memory",
    "data_ptr": "a loss does not touch a tensor's memory",
    "register_hook": "a loss does not control autograd",
    "format": "text is not formatted in a loss",
    "print": "a loss does not print",
    "getattr": "attributes are written out, not looked up by name",
    "setattr": "attributes are written out, not looked up by name",
    "eval": "code is not built at run time",
    "exec": "code is not built at run time",
    "compile": "code is not built at run time",
    "open": "a loss reads no files",
    "input": "a loss reads nothing but its arguments",
    "globals": "a loss knows only its arguments",
    "locals": "a loss knows only its arguments",
    "vars": "a loss knows only its arguments",
    "__import__": "imports are written at the top",
    "super": "a loss is a plain function",
    "np": "a loss stays in torch",
    "numpy ": "a loss stays in torch",
}
RANDOM = (
    "rand",
    "bernoulli",
    "multinomial",
    "normal",
    "poisson",
    "dropout",
    "seed",
    "gumbel",
    "random",
    "exponential_",
)
