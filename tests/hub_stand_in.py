"""A stand-in for the Hugging Face hub on this machine: the part of its interface that pushing and pulling a run needs.

It speaks HTTP, so that the real huggingface_hub is what talks to it.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

WRITER, READER = "hf_writer", "hf_reader"
"""tokens that are known here; the second may not write"""


@dataclass
class Repo:
    """A repository: its newest files, and those of every commit."""

    private: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)

    @property
    def sha(self) -> str:
        return list(self.commits)[-1] if self.commits else "0" * 40

    def commit(self, files: dict[str, bytes]) -> str:
        """Make these the files; return the commit's name."""
        sha = hashlib.sha1(f"{len(self.commits)}".encode() + b"".join(files.values())).hexdigest()
        self.files = files
        self.commits[sha] = dict(files)
        return sha


class Hub(ThreadingHTTPServer):
    """The repositories, what was uploaded, and what was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.repos: dict[str, Repo] = {}
        self.large: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.broken: tuple[int, bytes] | None = None
        """status and content that every question gets"""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    """One request."""

    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    @property
    def place(self) -> str:
        return unquote(urlsplit(self.path).path)

    @property
    def token(self) -> str | None:
        return self.headers.get("Authorization", "").removeprefix("Bearer ") or None

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, values: object = None, *, content: bytes | None = None, **headers: str) -> None:
        sent = json.dumps(values).encode() if content is None else content
        if self.server.broken is not None:
            status, sent = self.server.broken
        self.send_response(status)
        for name, value in ({"Content_Length": str(len(sent))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(sent)

    def missing(self, what: str) -> None:
        self.answer(404, {"error": f"{what} not found"}, X_Error_Code=what)

    def may_write(self) -> bool:
        """Answer those who may not."""
        if self.token == WRITER:
            return True
        status = 403 if self.token == READER else 401
        self.answer(status, {"error": "You don't have the rights" if status == 403 else "Invalid credentials"})
        return False

    def do_PUT(self) -> None:
        self.server.large[self.place.removeprefix("/lfs/")] = self.body()
        self.answer(200)

    def do_POST(self) -> None:
        place, body = self.place, self.body()
        self.server.asked.append(f"POST {place}")
        if place == "/api/validate-yaml":
            self.answer(200, {"errors": [], "warnings": []})
        elif self.may_write():
            self.write(place, body)

    def write(self, place: str, body: bytes) -> None:
        repos = self.server.repos
        if place == "/api/repos/create":
            given = json.loads(body)
            name = f"{given['organization']}/{given['name']}"
            there = name in repos
            repos.setdefault(name, Repo(private=given.get("visibility") == "private" or given.get("private", False)))
            self.answer(409 if there else 200, {"url": f"{self.server.address}/{name}", "error": "already there"})
        elif found := re.fullmatch(r"/api/models/(.+)/preupload/main", place):
            modes = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(body)["files"]
            ]
            self.answer(200, {"files": modes})
        elif place.endswith(".git/info/lfs/objects/batch"):
            objects = [
                each | {"actions": {"upload": {"href": f"{self.server.address}/lfs/{each['oid']}"}}}
                for each in json.loads(body)["objects"]
            ]
            self.answer(200, {"transfer": "basic", "objects": objects})
        elif found := re.fullmatch(r"/api/models/(.+)/commit/main", place):
            sha = repos[found[1]].commit(self.changed(repos[found[1]].files, body))
            self.answer(200, {"commitUrl": f"{self.server.address}/{found[1]}/commit/{sha}", "commitOid": sha})
        else:
            self.missing("EntryNotFound")

    def changed(self, files: dict[str, bytes], body: bytes) -> dict[str, bytes]:
        """Return files after the operations of a commit, which stand one on a line."""
        files = dict(files)
        for line in body.splitlines():
            operation = json.loads(line)
            value: dict[str, Any] = operation["value"]
            if operation["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                files[value["path"]] = self.server.large[value["oid"]]
            elif operation["key"] == "deletedFile":
                del files[value["path"]]
        return files

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        place = self.place
        self.server.asked.append(f"{self.command} {place}")
        found = re.match(r"(/api/models)?/([^/]+/[^/]+)(?:/(revision|tree|resolve)/([^/]+)/?(.*))?$", place)
        repo = self.server.repos.get(found[2]) if found else None
        if found is None or repo is None or (repo.private and self.token not in (WRITER, READER)):
            self.missing("RepoNotFound")
            return
        sha = repo.sha if found[4] in (None, "main") else found[4]
        if sha != repo.sha and sha not in repo.commits:
            self.missing("RevisionNotFound")
            return
        files = repo.commits.get(sha, {})
        if found[3] == "tree":
            self.answer(200, [entry(name, content) for name, content in files.items()])
        elif found[3] == "resolve":
            self.file(files.get(found[5]), sha)
        else:
            siblings = [{"rfilename": name} for name in files]
            self.answer(200, {"id": found[2], "sha": sha, "private": repo.private, "siblings": siblings})

    def file(self, content: bytes | None, sha: str) -> None:
        if content is None:
            self.missing("EntryNotFound")
            return
        self.answer(200, content=content, ETag=f'"{hashlib.sha256(content).hexdigest()}"', X_Repo_Commit=sha)


def entry(name: str, content: bytes) -> dict[str, Any]:
    """Return a file as the listing of a tree has it."""
    return {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}


@contextmanager
def hub_on_this_machine() -> Iterator[Hub]:
    """Serve until the end of the block."""
    hub = Hub()
    thread = Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()
