"""Typical use of an engine with docker-py; prints one line for each thing done. Arguments: socket, image archive."""
import io
import sys
import tarfile

import docker

socket, archive = sys.argv[1:]
client = docker.DockerClient(base_url=f"unix://{socket}", version="auto", timeout=30)


def say(*words):
    print(*words, flush=True)


def tar_of(name, data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


say("ping", client.ping())
say("version", sorted(client.version())[:3], client.info()["OSType"])
with open(archive, "rb") as data:
    say("load", [image.tags for image in client.images.load(data)])
say("image", client.images.get("box:1").attrs["Os"], len(client.images.get("box:1").history()))
client.images.get("box:1").tag("py", "1")
say("tags", sorted(client.images.get("py:1").tags))

say("run", client.containers.run("box:1", ["echo", "hello"], remove=True, network_mode="none"))
try:
    client.containers.run("box:1", ["sh", "-c", "echo err >&2; exit 3"], remove=True, network_mode="none")
except docker.errors.ContainerError as error:
    say("failed", error.exit_status, error.stderr)

box = client.containers.run(
    "box:1", ["sh", "-c", "echo started; sleep 1000"], detach=True, name="pybox", environment={"A": "1"},
    labels={"who": "py"}, mem_limit="64m", volumes={"pyvol": {"bind": "/data", "mode": "rw"}}, stdin_open=True,
    ports={"80/tcp": 8055}, working_dir="/tmp", hostname="pyhost",
)
box.reload()
say("detached", box.status, box.attrs["HostConfig"]["Memory"], box.attrs["Config"]["Hostname"], box.ports)
for line in box.logs(stream=True, follow=True):
    say("log", line)
    break
say("exec", box.exec_run(["sh", "-c", "echo $A; pwd; echo err >&2; exit 4"], demux=True))
say("exec at a terminal", box.exec_run("stty size", tty=True).exit_code)
say("put", box.put_archive("/data", tar_of("file", b"bytes")))
chunks, stat = box.get_archive("/data/file")
say("get", stat["name"], stat["size"], tarfile.open(fileobj=io.BytesIO(b"".join(chunks))).extractfile("file").read())
say("top", len(box.top()["Processes"]) >= 1, "stats", box.stats(stream=False)["memory_stats"]["limit"])
say("diff", sorted(change["Path"] for change in box.diff() or [])[:2])
say("list", [one.name for one in client.containers.list(filters={"label": "who=py"})])
box.pause()
box.reload()
say("paused", box.status)
box.unpause()
box.rename("pyother")
box.update(mem_limit="32m", memswap_limit="64m")
box.reload()
say("updated", box.name, box.attrs["HostConfig"]["Memory"])
image = box.commit("pycommitted", "1")
say("commit", image.tags)
box.kill("SIGKILL")
say("wait", box.wait()["StatusCode"])
box.start()
box.restart(timeout=0)
box.stop(timeout=0)
say("export", b"".join(box.export())[257:262])
box.remove(v=True)

socket_box = client.containers.create("box:1", ["cat"], stdin_open=True, network_mode="none")
attached = socket_box.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
socket_box.start()
attached._sock.sendall(b"through\n")
say("attach", attached._sock.recv(100)[-8:])
socket_box.remove(force=True)

say("save", sum(len(chunk) for chunk in client.images.get("box:1").save()) > 1000)
say("volumes", [volume.name for volume in client.volumes.list(filters={"name": "pyvol"})])
client.volumes.get("pyvol").remove()
say("networks", sorted(network.name for network in client.networks.list()))
events = client.events(since=1, until=2, decode=True)
say("events", list(events))
try:
    client.containers.get("nosuch")
except docker.errors.NotFound as error:
    say("not found", error.status_code, error.explanation)
client.images.remove("pycommitted:1")
client.images.remove("py:1")
say("left", client.containers.list(all=True))
