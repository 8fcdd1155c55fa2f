using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Tracking.Servers;

/// <summary>
/// A server that the tests start in a session of its own. The kernel kills it when the test process ends, however that
/// ends. It gets only the given variables of the tests' environment.
/// </summary>
public sealed class ServerProcess : IDisposable
{
    private readonly StringBuilder _output = new();
    private readonly Process _process;

    private ServerProcess(ProcessStartInfo start)
    {
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Add(line.Data);
        _process.ErrorDataReceived += (_, line) => Add(line.Data);
        _process.Start();
        _process.StandardInput.Close();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>The server's process id: the program replaces the shell that starts it.</summary>
    public int Id => _process.Id;

    /// <summary>Whether the server has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>The exit code, after the end.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>The server's output, from both streams.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    /// <summary>Starts a program.</summary>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="folder">The working directory.</param>
    /// <param name="environment">The whole environment except <c>PATH</c> and <c>LC_ALL</c>.</param>
    public static Task<ServerProcess> StartAsync(
        IEnumerable<string> command, string folder, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo("setsid", ["setpriv", "--pdeathsig=KILL", "--", .. command])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        start.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH");
        start.Environment["LC_ALL"] = "C.UTF-8";
        foreach (var (key, value) in environment)
        {
            start.Environment[key] = value;
        }

        // The kernel sends the signal when the starting THREAD ends, so a thread stays with each server until the
        // server has ended.
        var started = new TaskCompletionSource<ServerProcess>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                var server = new ServerProcess(start);
                started.SetResult(server);
                server._process.WaitForExit();
            }
            catch (Exception exception) when (exception is Win32Exception or InvalidOperationException)
            {
                started.TrySetException(exception);
            }
        })
        { IsBackground = true, Name = "waits for a server" }.Start();
        return started.Task;
    }

    /// <summary>Sends SIGKILL. Returns when the server has ended.</summary>
    public void Kill()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.WaitForExit();
    }

    /// <summary>Requests a stop. Returns when the server has ended.</summary>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <param name="signal">The signal; the default is SIGTERM.</param>
    public async Task StopAsync(CancellationToken cancellationToken, string signal = "TERM")
    {
        Signal(signal);
        await _process.WaitForExitAsync(cancellationToken).WaitAsync(Eventually.Deadline, cancellationToken);
    }

    /// <summary>Sends SIGSTOP: the server freezes, and its connections stay open.</summary>
    public void Freeze() => Signal("STOP");

    /// <summary>Sends SIGCONT: the server continues.</summary>
    public void Thaw() => Signal("CONT");

    /// <inheritdoc/>
    public void Dispose() => Kill();

    private void Signal(string name)
    {
        using var kill = Process.Start("kill", ["-" + name, Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private void Add(string? line)
    {
        lock (_output)
        {
            _output.Append(line).Append('\n');
        }
    }
}
