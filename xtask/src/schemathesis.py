"""Starts the program with a demonstration's data, makes a token of every role, and lets schemathesis and a validator of
OpenAPI documents loose on its interface. Run by `cargo xtask schemathesis`.

usage: schemathesis.py MUSTER HOME SECONDS
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import time

import requests
from openapi_spec_validator import validate

ROLES = ["admin", "operator", "auditor", "viewer"]
# What holds of every answer. What a request of another shape is answered with is a matter of the checks of the suite
# (statuses, ETags): here it is never a mistake of the server, and always what the description says.
CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"]
PASSWORD = "violet-tramway-sings-at-7"


def served(muster, home):
    """The program with data, its address, and the link for its administrator."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    subprocess.run([muster, "--data-dir", home, "demo", "--once", "--endpoints", "40"], capture_output=True, check=False)
    log = open(home / "serve.log", "w")
    serve = [muster, "--data-dir", home / "demo", "serve", "--role", "web", "--listen", "127.0.0.1:0"]
    child = subprocess.Popen(serve, stdout=log, stderr=log)
    for _ in range(300):
        found = re.search(r"(http://[^/\s]+)/set-up\?token=(\S+)", (home / "serve.log").read_text())
        if found:
            return child, found.group(1), found.group(2)
        time.sleep(0.1)
    child.kill()
    sys.exit("the program did not start: " + (home / "serve.log").read_text())


def tokens(base, link):
    """A token of every role, made as a person makes them."""
    person = requests.Session()
    form = {"token": link, "name": "Ada", "login": "ada@example.org", "password": PASSWORD}
    person.post(base + "/set-up", data=form, headers={"Origin": base})
    made = {}
    for role in ROLES:
        page = person.get(base + "/account").text
        csrf = re.search(r'name="csrf" value="([^"]+)"', page).group(1)
        wanted = {"csrf": csrf, "token_name": "fuzz " + role, "role": role, "reach": "write", "days": "30"}
        answer = person.post(base + "/account/tokens", data=wanted, headers={"Origin": base})
        made[role] = re.search(r"muster_[A-Za-z0-9_-]+", answer.text).group(0)
    return made


def main():
    muster, home, seconds = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    child, base, link = served(muster, home)
    failed = []
    try:
        document = requests.get(base + "/api/v1/openapi.json").json()
        validate(document)
        operations = sum(1 for path in document["paths"].values() for method in path if method in
                         ("get", "post", "put", "patch", "delete"))
        print(f"the description is OpenAPI {document['openapi']}, valid, {operations} operations", flush=True)
        (home / "openapi.json").write_text(json.dumps(document))
        for role, token in tokens(base, link).items():
            # Viewers and auditors first meet a refusal at most operations; those who may change see the most.
            share = {"admin": 0.5, "operator": 0.25}.get(role, 0.125)
            run = [str(pathlib.Path(sys.executable).with_name("schemathesis")), "--no-color", "run",
                   str(home / "openapi.json"), "--url", base, "--header", f"Authorization: Bearer {token}",
                   "--checks", ",".join(CHECKS), "--max-time", str(max(5, int(seconds * share))), "--workers", "2",
                   "--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--no-shrink",
                   "--generation-database", "none", "--warnings", "off", "--request-timeout", "30"]
            done = subprocess.run(run, capture_output=True, text=True, cwd=home)
            (home / f"{role}.txt").write_text(done.stdout + done.stderr)
            cases = re.search(r"(\d[\d,]*) generated", done.stdout)
            found = re.search(r"=+ FAILURES =+\n(.*?)=+ SUMMARY =+", done.stdout, re.DOTALL)
            # A mistake of the tool's own ends it with an error, too: it counts only if nothing was asked.
            verdict = "FAILS" if found or not cases else "holds"
            print(f"{role}: {cases.group(1) if cases else 'no'} requests: {verdict}", flush=True)
            if verdict != "holds":
                failed.append((found.group(1) if found else done.stdout)[:20000])
        if child.poll() is not None:
            failed.append("the program ended meanwhile: " + (home / "serve.log").read_text()[-2000:])
    finally:
        child.terminate()
        child.wait()
    if failed:
        print("\n".join(failed))
        sys.exit(f"the whole of it is in {home}")


if __name__ == "__main__":
    main()
