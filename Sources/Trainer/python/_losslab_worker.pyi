"""Built into losslab-worker (Sources/CPython/worker_module.c); only the loss zygote has it."""

def prepare() -> None: ...
def probe() -> tuple[dict[str, object], str | None]: ...
def fork(
    socket: int,
    status: int,
    extra_memory: int,
    cpu_seconds: int,
    life_seconds: int,
    allow_unsandboxed: bool,
    /,
) -> tuple[int, dict[str, object]]: ...
