"""What a loss may use: names, imports, functions of torch and math, tensor methods. Everything else is refused.

Covered: pure, deterministic mathematics on tensors. Left out on purpose: randomness, uninitialised memory (``empty``),
in-place methods, files, devices, autograd's own controls, and whatever reads a tensor's memory or its object.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BUILTINS = _words(
    """
    abs all any bool enumerate float int isinstance len list max min pow range reversed round sum tuple zip
    """
)
ANNOTATIONS = _words(
    """
    Any Callable Dict Final List Optional Sequence Tuple Union bool dict float int list str tuple
    """
)
TYPING = ANNOTATIONS - {"bool", "dict", "float", "int", "list", "str", "tuple"}

_ELEMENTWISE = """
abs absolute acos acosh add addcdiv addcmul arccos arcsin arctan asin asinh atan atan2 atanh ceil clamp clip copysign
cos cosh deg2rad digamma div divide erf erfc erfinv exp exp2 expm1 fix floor floor_divide fmax fmin fmod frac heaviside
hypot lerp lgamma log log10 log1p log2 logaddexp logaddexp2 logit maximum minimum mul multiply nan_to_num neg negative
polygamma positive pow reciprocal relu remainder round rsqrt rsub sgn sigmoid sign sin sinc sinh softmax sqrt square sub
subtract tan tanh true_divide trunc where xlogy log_softmax logical_and logical_not logical_or logical_xor bitwise_and
bitwise_not bitwise_or bitwise_xor eq equal ge greater greater_equal gt isclose isfinite isinf isnan le less less_equal
lt ne not_equal signbit masked_fill allclose nextafter
"""
_REDUCING = """
all amax amin aminmax any argmax argmin argsort count_nonzero cummax cummin cumprod cumsum diff dot inner kthvalue
logcumsumexp logsumexp max mean median min mode nanmean nanmedian nanquantile nansum norm numel outer prod quantile sort
std std_mean sum topk trapezoid unique var var_mean cov corrcoef histc bucketize searchsorted
"""
_SHAPING = """
broadcast_to chunk clone detach diag diagonal flatten flip gather index_select matmul mm movedim mv narrow permute ravel
repeat_interleave reshape roll split squeeze swapaxes t take take_along_dim tensor_split tile transpose tril triu
unbind unsqueeze
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
    arange as_tensor broadcast_tensors cat concat concatenate einsum eye finfo full full_like hstack inf
    is_floating_point is_tensor linspace logspace nan no_grad ones ones_like pi e scalar_tensor stack tensor
    vstack zeros zeros_like result_type
    """
    )
)
FUNCTIONAL = _words(
    """
    binary_cross_entropy binary_cross_entropy_with_logits celu cosine_similarity cross_entropy elu gelu
    hardshrink hardsigmoid hardswish hardtanh hinge_embedding_loss huber_loss kl_div l1_loss leaky_relu
    log_softmax logsigmoid margin_ranking_loss mish mse_loss nll_loss normalize pad relu relu6 selu sigmoid silu
    smooth_l1_loss soft_margin_loss softmax softmin softplus softshrink softsign tanh tanhshrink threshold
    """
)
MODULES = _words(
    """
    ELU GELU Hardtanh Identity LeakyReLU LogSigmoid Mish ReLU SELU SiLU Sigmoid Softplus Softsign Tanh
    """
)
SPECIAL = _words(
    """
    digamma entr erf erfc erfcx erfinv exp2 expit expm1 gammaln i0 i0e i1 i1e log1p log_ndtr log_softmax logit
    logsumexp multigammaln ndtr ndtri polygamma psi round sinc softmax xlog1py xlogy zeta
    """
)
MATH = _words(
    """
    acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh dist e erf erfc exp exp2 expm1 fabs floor
    fmod gamma hypot inf isclose isfinite isinf isnan ldexp lgamma log log10 log1p log2 nan pi pow sin sinh sqrt
    tan tanh tau trunc
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
    T append bfloat16 contiguous device dim double dtype eps expand expand_as float half indices
    is_floating_point item long max min ndim ndimension new_full new_ones new_tensor new_zeros repeat reshape_as
    requires_grad shape size smallest_normal tiny to tolist type_as values view view_as int bool add sub mul div
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
