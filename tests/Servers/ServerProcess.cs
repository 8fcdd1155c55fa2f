using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Tracking.Servers;

/// <summary>
/// A server started by the tests, in a session of its own and killed by the kernel when the test process ends, however
/// that ends. Nothing of the tests' own configuration reaches it but what is passed.
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

    /// <summary>Its process id: programs are started in place of the shell, so it is the server's own.</summary>
    public int Id => _process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>Its exit code, once it has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>What it wrote, both streams.</summary>
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
    /// <param name="folder">Its working directory.</param>
    /// <param name="environment">Its whole environment but for <c>PATH</c> and <c>LC_ALL</c>.</param>
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

        // The kernel sends the signal when the starting THREAD ends, so one stays with each server until that has
        // ended.
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
        }) { IsBackground = true, Name = "waits for a server" }.Start();
        return started.Task;
    }

    /// <summary>SIGKILL; returns when it is gone.</summary>
    public void Kill()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.WaitForExit();
    }

    /// <summary>Asks it to stop; returns when it has ended.</summary>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <param name="signal">SIGTERM unless given.</param>
    public async Task StopAsync(CancellationToken cancellationToken, string signal = "TERM")
    {
        Signal(signal);
        await _process.WaitForExitAsync(cancellationToken).WaitAsync(Eventually.Deadline, cancellationToken);
    }

    /// <summary>SIGSTOP: it stands still, its connections stay open.</summary>
    public void Freeze() => Signal("STOP");

    /// <summary>SIGCONT: it goes on.</summary>
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
