using System.Globalization;
using System.Net;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Standalone;

/// <summary>
/// The <c>TRACKING_*</c> environment variables. A wrong value or an unknown name stops the start with one line.
/// Everything else is configured under <c>Tracking__…</c>, which this leaves alone.
/// </summary>
internal sealed record StandaloneSettings
{
    private const string Prefix = "TRACKING_";
    private const string ConfigurationPrefix = "TRACKING__";

    /// <summary><c>TRACKING_DATA</c>: the data folder. Default: <c>.data</c> in the working directory.</summary>
    public string DataFolder { get; init; } = ".data";

    /// <summary><c>TRACKING_HTTP_PORT</c>: API and console. Default 8080; 0 takes any free port.</summary>
    public int HttpPort { get; init; } = 8080;

    /// <summary><c>TRACKING_EDGE_PORT</c>: clicks and opens over HTTP. Default 8081; 0 takes any free port.</summary>
    public int EdgePort { get; init; } = 8081;

    /// <summary>
    /// <c>TRACKING_EDGE_TLS_PORT</c>: clicks and opens over TLS. Default 8443; 0 takes any free port.
    /// </summary>
    public int EdgeTlsPort { get; init; } = 8443;

    /// <summary><c>TRACKING_BIND</c>: addresses of API and console. Default 127.0.0.1.</summary>
    public IReadOnlyList<IPAddress> Bind { get; init; } = [IPAddress.Loopback];

    /// <summary><c>TRACKING_EDGE_BIND</c>: addresses of the edge, both ports. Default 127.0.0.1.</summary>
    public IReadOnlyList<IPAddress> EdgeBind { get; init; } = [IPAddress.Loopback];

    /// <summary><c>TRACKING_DEMO</c>: <c>true</c> makes a shop with two weeks of mail at the start. Default
    /// false.</summary>
    public bool IsDemo { get; init; }

    private static readonly Dictionary<string, Func<StandaloneSettings, string, string, StandaloneSettings>> _known
        = new()
        {
            ["TRACKING_DATA"] = (settings, _, value) => settings with { DataFolder = value },
            ["TRACKING_HTTP_PORT"] = (settings, key, value) => settings with { HttpPort = Port(key, value) },
            ["TRACKING_EDGE_PORT"] = (settings, key, value) => settings with { EdgePort = Port(key, value) },
            ["TRACKING_EDGE_TLS_PORT"] = (settings, key, value) => settings with { EdgeTlsPort = Port(key, value) },
            ["TRACKING_BIND"] = (settings, key, value) => settings with { Bind = Addresses(key, value) },
            ["TRACKING_EDGE_BIND"] = (settings, key, value) => settings with { EdgeBind = Addresses(key, value) },
            ["TRACKING_DEMO"] = (settings, key, value) => settings with { IsDemo = YesNo(key, value) },
            // All programs have this variable, and it is read before the others.
            [ReadSecretFiles.Variable] = (settings, _, _) => settings,
        };

    /// <summary>The names of all variables.</summary>
    public static IEnumerable<string> Names => _known.Keys;

    /// <summary>Reads the variables. An empty variable counts as not set.</summary>
    /// <exception cref="StartUpException">A name is unknown, a value is wrong, or two ports are equal.</exception>
    public static StandaloneSettings Read(IEnumerable<KeyValuePair<string, string>> environment)
    {
        var settings = new StandaloneSettings();
        foreach (var (key, value) in environment.Where(variable => IsOurs(variable.Key)).OrderBy(pair => pair.Key))
        {
            if (!_known.TryGetValue(key, out var apply))
            {
                throw new StartUpException(
                    $"{key} is not a setting. Known are {string.Join(", ", _known.Keys)}; "
                    + "all others are spelled Tracking__Section__Name.");
            }

            settings = string.IsNullOrWhiteSpace(value) ? settings : apply(settings, key, value.Trim());
        }

        settings.RefuseSamePort();
        return settings;
    }

    private void RefuseSamePort()
    {
        var ports = new[]
        {
            ("TRACKING_HTTP_PORT", HttpPort), ("TRACKING_EDGE_PORT", EdgePort), ("TRACKING_EDGE_TLS_PORT", EdgeTlsPort),
        };
        var shared = ports
            .Where(port => port.Item2 != 0)
            .GroupBy(port => port.Item2)
            .FirstOrDefault(same => same.Count() > 1);
        if (shared is not null)
        {
            throw new StartUpException(
                $"{string.Join(" and ", shared.Select(port => port.Item1))} are both {shared.Key}: "
                + "each takes its own port.");
        }
    }

    private static bool IsOurs(string key) =>
        key.StartsWith(Prefix, StringComparison.Ordinal)
        && !key.StartsWith(ConfigurationPrefix, StringComparison.Ordinal);

    private static int Port(string key, string value) =>
        ushort.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            ? port
            : throw new StartUpException(
                $"{key} is '{value}': it takes a port from 1 to 65535, or 0 for any free one.");

    private static bool YesNo(string key, string value) =>
        bool.TryParse(value, out var yes)
            ? yes
            : throw new StartUpException($"{key} is '{value}': it takes true or false.");

    private static IReadOnlyList<IPAddress> Addresses(string key, string value)
    {
        var texts = value.Split([',', ';', ' '], StringSplitOptions.RemoveEmptyEntries);
        var addresses = new List<IPAddress>();
        foreach (var text in texts)
        {
            // IPAddress also accepts "1" and "127.1", which are typing errors here.
            var bare = text.StartsWith('[') && text.EndsWith(']') ? text[1..^1] : text;
            if (!IPAddress.TryParse(bare, out var address) || (!bare.Contains(':') && bare.Count(c => c == '.') != 3))
            {
                throw new StartUpException(
                    $"{key} is '{value}': '{text}' is not an IP address. "
                    + "It takes a list of IPv4 and IPv6 addresses, as in 127.0.0.1,::1 (0.0.0.0 and :: mean all).");
            }

            addresses.Add(address);
        }

        return addresses.Count > 0
            ? [.. addresses.Distinct()]
            : throw new StartUpException(
                $"{key} is '{value}': it takes a list of IPv4 and IPv6 addresses.");
    }
}
