# SPDX-License-Identifier: Apache-2.0
"""A real Flink cluster on loopback, made of ordinary Maven artefacts: JobManager, TaskManagers, and a
ZooKeeper so that a JobManager can be replaced. Nothing is left running after stop()."""
import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
from harness import free_port, wait_for  # pylint: disable=wrong-import-position

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>failover</groupId><artifactId>flink-check</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
%s
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
"""
ARTEFACTS = ("flink-runtime", "flink-clients", "flink-streaming-java")
OPENED = ("java.lang", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.lang.reflect", "java.text", "java.time",
          "java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks")
TASKMANAGER = {
    "taskmanager.cpu.cores": "1", "taskmanager.memory.task.heap.size": "256mb",
    "taskmanager.memory.task.off-heap.size": "0", "taskmanager.memory.framework.heap.size": "64mb",
    "taskmanager.memory.framework.off-heap.size": "64mb", "taskmanager.memory.managed.size": "32mb",
    "taskmanager.memory.network.min": "64mb", "taskmanager.memory.network.max": "64mb",
    "taskmanager.memory.jvm-metaspace.size": "128mb", "taskmanager.memory.jvm-overhead.min": "64mb",
    "taskmanager.memory.jvm-overhead.max": "64mb"}


class Unavailable(Exception):
    """The artefacts cannot be had."""


def fetch_artefacts(version, folder):
    """The jars of a version, fetched once into `folder`."""
    libraries = os.path.join(folder, "lib-" + version)
    if os.path.isdir(libraries) and os.listdir(libraries):
        return libraries
    pom = os.path.join(folder, "pom.xml")
    with open(pom, "w", encoding="utf-8") as file:
        file.write(POM % "\n".join(
            f"<dependency><groupId>org.apache.flink</groupId><artifactId>{name}</artifactId>"
            f"<version>{version}</version></dependency>" for name in ARTEFACTS))
    try:
        subprocess.run(["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies",
                        "-DoutputDirectory=" + libraries], check=True, timeout=900,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(libraries, ignore_errors=True)
        raise Unavailable(f"flink {version} cannot be fetched: {error}") from error
    return libraries


class Cluster:
    def __init__(self, version, artefacts, folder):
        self.version = version
        self.folder = folder
        self.libraries = fetch_artefacts(version, artefacts)
        self.processes = {}
        self.port = free_port()
        self.rpc_port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._compile()
        self._start_zookeeper()
        self._configure()
        self.start_jobmanager()

    # ---- building ----

    def _compile(self):
        with open(os.path.join(HERE, "FailingJob.java"), encoding="utf-8") as file:
            source = file.read()
        accessor = "getRuntimeContext().getIndexOfThisSubtask()" if self.version.startswith("1.18") else \
            "getRuntimeContext().getTaskInfo().getIndexOfThisSubtask()"
        classes = os.path.join(self.folder, "classes")
        os.makedirs(classes)
        path = os.path.join(self.folder, "FailingJob.java")
        with open(path, "w", encoding="utf-8") as file:
            file.write(source.replace("SUBTASK", accessor))
        subprocess.run(["javac", "-nowarn", "-cp", self.libraries + "/*", "-d", classes, path], check=True)
        self.jar = os.path.join(self.folder, "job.jar")
        subprocess.run(["jar", "cf", self.jar, "-C", classes, "."], check=True)

    def _configure(self):
        conf = os.path.join(self.folder, "conf")
        os.makedirs(conf)
        settings = {
            "jobmanager.rpc.address": "127.0.0.1", "jobmanager.rpc.port": str(self.rpc_port),
            "rest.address": "127.0.0.1", "rest.port": str(self.port), "rest.bind-address": "127.0.0.1",
            "jobmanager.bind-host": "127.0.0.1", "taskmanager.bind-host": "127.0.0.1",
            "taskmanager.host": "127.0.0.1", "jobmanager.memory.process.size": "768m",
            "taskmanager.numberOfTaskSlots": "8", "heartbeat.interval": "1000", "heartbeat.timeout": "8000",
            "high-availability.type": "zookeeper",
            "high-availability.jobmanager.port": str(self.rpc_port),
            "high-availability.zookeeper.quorum": f"127.0.0.1:{self.zookeeper_port}",
            "high-availability.storageDir": f"file://{self.folder}/ha", "io.tmp.dirs": self.folder}
        for name in ("flink-conf.yaml", "config.yaml"):
            with open(os.path.join(conf, name), "w", encoding="utf-8") as file:
                file.writelines(f"{key}: {value}\n" for key, value in settings.items())

    # ---- processes ----

    def _java(self, name, heap, main, *arguments):
        opens = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
        log = open(os.path.join(self.folder, name + ".log"), "a", encoding="utf-8")
        self.processes[name] = subprocess.Popen(
            ["java", f"-Xmx{heap}m", *opens, "-cp", self.libraries + "/*", main, *arguments],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        log.close()

    def _start_zookeeper(self):
        self.zookeeper_port = free_port()
        path = os.path.join(self.folder, "zoo.cfg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"tickTime=2000\ndataDir={self.folder}/zookeeper\nclientPort={self.zookeeper_port}\n"
                       "clientPortAddress=127.0.0.1\nadmin.enableServer=false\n")
        self._java("zookeeper", 128, "org.apache.flink.shaded.zookeeper3.org.apache.zookeeper.server.ZooKeeperServerMain", path)

    def start_jobmanager(self):
        self._java("jobmanager", 400, "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
                   "--configDir", os.path.join(self.folder, "conf"))

    def start_taskmanager(self, name):
        settings = [word for key, value in TASKMANAGER.items() for word in ("-D", f"{key}={value}")]
        self._java(name, 400, "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
                   "--configDir", os.path.join(self.folder, "conf"), *settings)

    def kill(self, name):
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop(self):
        for name in list(self.processes):
            self.kill(name)

    def log(self, name="jobmanager"):
        with open(os.path.join(self.folder, name + ".log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    # ---- asking ----

    def ask(self, path, method="GET"):
        """The answer as JSON; None when there is none."""
        try:
            request = urllib.request.Request(self.url + path, method=method)
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)
        except (OSError, ValueError):
            return None

    def wait_taskmanagers(self, count):
        wait_for(lambda: (self.ask("/overview") or {}).get("taskmanagers") == count, 120,
                 f"{count} TaskManagers:\n" + self.log()[-3000:])

    def submit(self, name, shape, kinds, **settings):
        """Starts a job whose first task fails in these ways, one after the other; its id."""
        folder = os.path.join(self.folder, "job-" + name)
        opens = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
        pairs = [f"{key.replace('__', '-').replace('_', '.')}={value}" for key, value in settings.items()]
        answer = subprocess.run(
            ["java", *opens, "-cp", f"{self.libraries}/*:{self.jar}", "FailingJob", "127.0.0.1", str(self.port),
             name, self.jar, folder, shape, ",".join(kinds), *pairs],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=180, text=True)
        return answer.stdout.split()[-1]

    def state(self, job):
        return (self.ask(f"/jobs/{job}") or {}).get("state")

    def entries(self, job):
        answer = self.ask(f"/jobs/{job}/exceptions?maxExceptions=100")
        return answer["exceptionHistory"]["entries"] if answer else []

    def cancel(self, job):
        self.ask(f"/jobs/{job}", "PATCH")
