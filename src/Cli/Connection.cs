using System.CommandLine;

namespace Tracking.Cli;

/// <summary>
/// The options for the server and the API key. No option takes the key itself, because every user of a machine can see
/// the arguments of its processes.
/// </summary>
internal sealed class Connection
{
    private const string DefaultUrl = "http://127.0.0.1:8080";
    private const string UrlVariable = "TRACKING_URL";
    private const string KeyVariable = "TRACKING_KEY";
    private const string DataVariable = "TRACKING_DATA";

    private readonly Option<string?> _url = new("--url")
    {
        Description = $"The server; default ${UrlVariable}, else {DefaultUrl}",
        HelpName = "URL",
        Recursive = true,
    };

    private readonly Option<string?> _keyFile = new("--key-file")
    {
        Description = $"A file that holds the API key; default ${KeyVariable} (the key itself), else "
            + $"${DataVariable}/admin.key, else .data/admin.key",
        HelpName = "FILE",
        Recursive = true,
    };

    private readonly Option<bool> _json = new("--json")
    {
        Description = "Print the server's JSON unchanged",
        Recursive = true,
    };

    private bool _hasStates;

    /// <summary>The same server, for commands that say that they end with <see cref="ExitCode.WrongState"/> when
    /// something is not there: a cluster that is not there is no other case.</summary>
    public Connection WithStates()
    {
        var other = (Connection)MemberwiseClone();
        other._hasStates = true;
        return other;
    }

    /// <summary>Adds the options that every command has.</summary>
    public void AddTo(RootCommand root)
    {
        root.Options.Add(_url);
        root.Options.Add(_keyFile);
        root.Options.Add(_json);
    }

    /// <summary>Whether JSON output was requested.</summary>
    public bool Json(ParseResult parsed) => parsed.GetValue(_json);

    /// <summary>Runs a command's work with the API of the named server.</summary>
    public async Task<int> RunAsync(
        ParseResult parsed, Func<TrackingApi, Terminal, Task<int>> work)
    {
        var terminal = new Terminal(
            parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error, Json(parsed));
        using var api = Open(parsed.GetValue(_url), parsed.GetValue(_keyFile), TrackingApi.DefaultTimeout, terminal);
        return api is null ? ExitCode.Usage : await work(api, terminal);
    }

    /// <summary>As <see cref="RunAsync(ParseResult, Func{TrackingApi, Terminal, Task{int}})"/>, with the id of the
    /// cluster that was named.</summary>
    public Task<int> RunAsync(
        ParseResult parsed,
        string named,
        Func<TrackingApi, string, Terminal, Task<int>> work,
        CancellationToken cancellationToken) => RunAsync(parsed, async (api, terminal) =>
    {
        var (id, refusal) = await FindClusterByName.FindAsync(api, named, cancellationToken);
        return refusal is null ? await work(api, id, terminal)
            : _hasStates ? refusal.ReportState(terminal)
            : refusal.Report(terminal);
    });

    /// <summary>The option that names a cluster.</summary>
    public static Option<string> Cluster() => new("--cluster")
    {
        Description = "The cluster",
        HelpName = FindClusterByName.HelpName,
        Required = true,
    };

    /// <summary>The API at a server; <see langword="null"/> if the server or the key is wrong. The reason is
    /// printed.</summary>
    /// <param name="url">The server, when one is named.</param>
    /// <param name="keyFile">The file of the key, when one is named.</param>
    /// <param name="timeout">The longest that a request may take.</param>
    /// <param name="terminal">Receives error messages.</param>
    public static TrackingApi? Open(string? url, string? keyFile, TimeSpan timeout, Terminal terminal)
    {
        url ??= Variable(UrlVariable) ?? DefaultUrl;
        if (!Uri.TryCreate(url, UriKind.Absolute, out var server) || server.Scheme is not ("http" or "https"))
        {
            terminal.Complain($"--url: got '{url}', takes an http or https URL such as {DefaultUrl}.");
            return null;
        }

        return ReadKey(keyFile, terminal) is { } key ? new TrackingApi(server, key, timeout) : null;
    }

    private static string? ReadKey(string? file, Terminal terminal)
    {
        if (file is null && Variable(KeyVariable) is { } given)
        {
            return Check(given, "$" + KeyVariable, terminal);
        }

        var path = file ?? Path.Combine(Variable(DataVariable) ?? ".data", "admin.key");
        try
        {
            return Check(File.ReadAllText(path), path, terminal);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            terminal.Complain(file is null
                ? $"No API key: set ${KeyVariable}, or name a file with --key-file; {path} cannot be read."
                : $"--key-file: {path} cannot be read: {exception.Message}");
            return null;
        }
    }

    // A header cannot contain a line break. The message does not repeat the text, which may be a secret.
    private static string? Check(string text, string where, Terminal terminal)
    {
        var key = text.Trim();
        if (key.Length != 0 && key.All(c => char.IsAscii(c) && !char.IsControl(c) && c != ' '))
        {
            return key;
        }

        terminal.Complain($"{where}: does not hold an API key; takes trk_ and 32 characters.");
        return null;
    }

    private static string? Variable(string name) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
