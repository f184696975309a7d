"use strict";
// The start of the task on Azure Pipelines: it finds a Python and runs bootstrap.py. It uses no npm package: Microsoft's
// task library would remove INPUT_* and ENDPOINT_* from the environment, where the step reads them.

const { spawn, spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const OLDEST = 10; // 3.10, as in bootstrap.py
const NEWEST = 14; // 3.14: the step's packages aren't made for a newer one, which the tool cache may have
const WINDOWS = process.platform === "win32";
const EXECUTABLE = WINDOWS ? "python.exe" : path.join("bin", "python3");
const REMEDY = `Put this step before it:
  - task: UsePythonVersion@0
    inputs: {versionSpec: "3.12"}`;

/** Yield commands that may start a Python: that of UsePythonVersion, those of the tool cache, then those on PATH. */
function* candidates(env) {
  const location = env.PYTHONLOCATION || env.pythonLocation; // the agent writes a variable's name in capitals
  if (location) yield [path.join(location, EXECUTABLE)];
  yield* cached(path.join(env.AGENT_TOOLSDIRECTORY || "", "Python"), process.arch);
  if (WINDOWS) yield* [["python"], ["py", "-3"]];
  else for (const end of ["3", "", "3.14", "3.13", "3.12", "3.11", "3.10"]) yield [`python${end}`];
}

/** Yield the Pythons of a tool cache, newest first; only complete ones have the mark (azure-pipelines-tool-lib, `_cacheToolDir`). */
function* cached(folder, arch) {
  const names = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
  const versions = names.filter((name) => /^3\.\d+\.\d+$/.test(name)).map((name) => name.split(".").map(Number));
  versions.sort((one, other) => other[1] - one[1] || other[2] - one[2]);
  for (const version of versions) {
    const place = path.join(folder, version.join("."), arch);
    if (version[1] >= OLDEST && version[1] <= NEWEST && fs.existsSync(`${place}.complete`)) yield [path.join(place, EXECUTABLE)];
  }
}

/** Return the first Python that is new enough, else one that is too old (bootstrap.py reports it), else nothing.
 *
 * It is the path of the interpreter itself and not of a shim: a shim that dash runs loses the ENDPOINT_* variables,
 * because the GUID in their names isn't valid in a shell variable's name. */
function find(env) {
  let old;
  for (const command of candidates(env)) {
    const words = [...command.slice(1), "-X", "utf8", "-I", "-c", "import sys; print(*sys.version_info[:2], sys.executable)"];
    const { status, stdout } = spawnSync(command[0], words, { encoding: "utf8", timeout: 30000, windowsHide: true });
    const [, minor, executable] = (status === 0 && /^3 (\d+) (.+)$/.exec(stdout.trim())) || [];
    if (minor >= OLDEST) return executable;
    old = old || executable;
  }
  return old;
}

/** End the task as failed. The agent takes every exit status but 0 for a failure of the task itself (NodeHandler.cs). */
function fail(code, text) {
  const data = text.replace(/%/g, "%AZP25").replace(/\r/g, "%0D").replace(/\n/g, "%0A");
  console.log(`##vso[task.logissue type=error;code=${code};]amlwheel ${code}: ${data}`);
  console.log(`##vso[task.complete result=Failed;]amlwheel ${code}`);
}

function main() {
  const python = find(process.env);
  if (!python) return fail("AW90", `Python 3.10 or newer is needed, and none was found.\n${REMEDY}`);
  // -I ignores PYTHON* settings and the project's modules. It ignores PYTHONUTF8, too; hence -X utf8.
  const words = ["-X", "utf8", "-I", path.join(__dirname, "bootstrap.py")];
  let cancelled = false;
  const child = spawn(python, words, { stdio: ["ignore", "inherit", "inherit"] });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", ...(WINDOWS ? ["SIGBREAK"] : [])]) {
    process.on(signal, () => {
      cancelled = true;
      if (!WINDOWS) child.kill(signal); // the console of Windows sends it to the child, too
    });
  }
  child.on("error", (error) => fail("AW91", `Python could not be started: ${error.message}`));
  child.on("exit", (status, signal) => {
    if (status !== 0 && cancelled) console.log("##vso[task.complete result=Failed;]cancelled");
    else if (status !== 0) fail("AW99", `The step ended without a report (${signal || `status ${status}`}).\nRun it again; what is done is kept.`);
  });
}

main();
