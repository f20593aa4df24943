"""What attacks aim at: things outside the sandbox that notice being touched."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path


class Canaries:
    """Files, servers and a bystander process, all of the user who runs the attacks: only the sandbox protects them."""

    def __init__(self) -> None:
        self.token = f"canary-{secrets.token_hex(8)}"
        self.directory = Path(tempfile.mkdtemp(prefix="losslab-canaries-"))
        self.secret = self.directory / "secret.txt"
        self._servers: dict[str, socket.socket] = {}
        self._listen("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        self._listen("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
        self._listen("unix", socket.AF_UNIX, socket.SOCK_STREAM, str(self.directory / "socket"))
        self.abstract_name = f"losslab-{secrets.token_hex(8)}"
        self._listen("abstract", socket.AF_UNIX, socket.SOCK_STREAM, "\0" + self.abstract_name)
        self.shared_name = f"/losslab-{secrets.token_hex(8)}"
        self.bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
        self.restore()

    def restore(self) -> None:
        """Everything as it was before any attack, also after one in the control that was let through."""
        self.secret.write_text(self.token)
        self.secret.chmod(0o666)
        self.directory.chmod(0o777)
        for extra in set(self.directory.iterdir()) - {self.secret, self.directory / "socket"}:
            shutil.rmtree(extra) if extra.is_dir() and not extra.is_symlink() else extra.unlink()
        os.utime(self.secret, (0, 0))
        for server in self._servers.values():
            while select.select([server], [], [], 0)[0]:
                if server.type == socket.SOCK_STREAM:
                    server.accept()[0].close()
                else:
                    server.recv(100)

    def names(self) -> dict[str, object]:
        """What the attacks know these things by."""
        return {
            "SECRET": str(self.secret),
            "CANARIES": str(self.directory),
            "TCP_PORT": self._servers["tcp"].getsockname()[1],
            "UDP_PORT": self._servers["udp"].getsockname()[1],
            "UNIX_PATH": str(self.directory / "socket"),
            "ABSTRACT_NAME": self.abstract_name,
            "SHARED_NAME": self.shared_name,
            "BYSTANDER": self.bystander.pid,
        }

    def harm(self) -> list[str]:
        """What an attack changed or reached; empty when nothing."""
        found = []
        listed = sorted(entry.name for entry in self.directory.iterdir())
        if listed != ["secret.txt", "socket"]:
            found.append(f"the directory holds {listed}")
        if not self.secret.exists() or self.secret.read_text() != self.token:
            found.append("the secret was changed")
        elif self.secret.stat().st_mode & 0o777 != 0o666 or self.secret.stat().st_mtime != 0:
            found.append("the secret's attributes were changed")
        elif os.listxattr(self.secret):
            found.append("the secret has new attributes")
        for name, server in self._servers.items():
            if select.select([server], [], [], 0)[0]:
                found.append(f"the {name} server was reached")
        if process_state(self.bystander.pid) not in ("S", "R", "D"):
            found.append("the bystander was harmed")
        if Path(f"/dev/shm{self.shared_name}").exists():
            found.append("shared memory was left")
        return found

    def close(self) -> None:
        self.bystander.kill()
        self.bystander.wait()
        for server in self._servers.values():
            server.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            Path(f"/dev/shm{self.shared_name}").unlink()

    def _listen(self, name: str, family: int, kind: int, address: tuple[str, int] | str) -> None:
        server = socket.socket(family, kind)
        server.bind(address)
        if kind == socket.SOCK_STREAM:
            server.listen()
        self._servers[name] = server


def process_state(process: int) -> str | None:
    """One letter, as in ps; None when there is no such process."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def descendants(process: int) -> set[int]:
    """Every process below this one that has not ended."""
    found: set[int] = set()
    waiting = [process]
    while waiting:
        parent = waiting.pop()
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                below = [int(child) for child in children.read_text().split()]
                waiting.extend(below)
                found.update(child for child in below if process_state(child) not in (None, "Z"))
    return found
