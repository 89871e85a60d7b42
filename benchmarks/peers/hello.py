"""FastAPI's first steps, answering as many bytes as a typical answer of ours and asking nobody: a limit."""

import os

from fastapi import FastAPI, Response

app = FastAPI()
BODY = b'{"data":"' + b"x" * (int(os.environ["BODY_BYTES"]) - 11) + b'"}'


@app.get("/")
async def hello() -> Response:
    return Response(BODY, media_type="application/json")
