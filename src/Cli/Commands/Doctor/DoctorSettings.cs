using System.Collections;
using System.Globalization;
using System.Net;
using System.Net.Mail;
using Tracking.Links;

namespace Tracking.Cli.Commands.Doctor;

/// <summary>A certificate authority.</summary>
/// <param name="Directory">The URL of its ACME directory.</param>
/// <param name="RootCertificates">A PEM file with the roots for the authority's HTTPS; <see langword="null"/> for the
/// machine's roots.</param>
internal sealed record DoctorAuthority(Uri Directory, string? RootCertificates);

/// <summary>
/// The services' settings for the operator's own names, with the same variables and defaults as in the services. They
/// are read from the environment, from files of variables as for Compose and systemd, and from the folder of secrets.
/// The folder of secrets wins, as in the services.
/// </summary>
internal sealed class DoctorSettings
{
    private const string SecretsVariable = "TRACKING_SECRETS";

    private readonly Dictionary<string, string> _values = new(StringComparer.OrdinalIgnoreCase);

    private DoctorSettings()
    {
    }

    /// <summary>Every setting that is read, with its default. The number in a list's name stands for any
    /// number.</summary>
    public static IReadOnlyDictionary<string, string?> Defaults { get; } = new Dictionary<string, string?>
    {
        ["Tracking__SystemHost"] = "track.localhost",
        ["Tracking__SystemZone"] = null,
        ["Tracking__Dns__Resolvers__0"] = null,
        ["Tracking__Dns__QueryTimeout"] = "00:00:05",
        ["Tracking__Certificates__Authorities__0__Directory"] = null,
        ["Tracking__Certificates__Authorities__0__RootCertificates"] = null,
        ["Tracking__Certificates__Hosts__0"] = null,
        ["Tracking__Certificates__HttpPort"] = "80",
        ["Tracking__Certificates__TlsPort"] = "443",
        ["Tracking__Notices__Smtp"] = null,
        ["Tracking__Notices__From"] = null,
    };

    /// <summary>The host of links without a tracking domain.</summary>
    public HostName SystemHost { get; private set; }

    /// <summary>The zone of verification targets.</summary>
    public HostName Zone { get; private set; }

    /// <summary>The operator's other hosts with certificates.</summary>
    public IReadOnlyList<HostName> OtherHosts { get; private set; } = [];

    /// <summary>Our resolvers, host and port; an empty list for the machine's resolvers.</summary>
    public IReadOnlyList<(string Host, int Port)> Resolvers { get; private set; } = [];

    /// <summary>The longest that one question takes.</summary>
    public TimeSpan QueryTimeout { get; private set; }

    /// <summary>The authorities.</summary>
    public IReadOnlyList<DoctorAuthority> Authorities { get; private set; } = [];

    /// <summary>The ports for recipients and authorities: http and https.</summary>
    public IReadOnlyList<int> Ports { get; private set; } = [];

    /// <summary>The domain of the notices' sender; <see langword="null"/> if no mail is sent.</summary>
    public HostName? SenderDomain { get; private set; }

    /// <summary>The mail server that takes notices.</summary>
    public string? MailServer { get; private set; }

    /// <summary>Reads the settings.</summary>
    /// <param name="files">Files of variables. Later files win.</param>
    /// <param name="problem">What is wrong with the settings.</param>
    /// <returns><see langword="null"/> with a problem.</returns>
    public static DoctorSettings? Read(IEnumerable<string> files, out string problem)
    {
        var settings = new DoctorSettings();
        try
        {
            foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
            {
                settings._values[(string)variable.Key] = (string?)variable.Value ?? "";
            }

            foreach (var file in files)
            {
                settings.ReadFile(file);
            }

            settings.ReadSecrets();
            settings.Understand();
            problem = "";
            return settings;
        }
        catch (Exception exception) when (exception is FormatException or IOException or UnauthorizedAccessException)
        {
            problem = exception.Message;
            return null;
        }
    }

    /// <summary>The settings as text for people and programs, without passwords.</summary>
    public IEnumerable<(string Name, string Value)> Shown() =>
    [
        ("Tracking__SystemHost", SystemHost.Value),
        ("Tracking__SystemZone", Zone.Value),
        .. Resolvers.Select((resolver, i) => ($"Tracking__Dns__Resolvers__{i}", $"{resolver.Host}:{resolver.Port}")),
        .. Authorities.Select((authority, i) =>
            ($"Tracking__Certificates__Authorities__{i}__Directory", authority.Directory.ToString())),
        .. OtherHosts.Select((host, i) => ($"Tracking__Certificates__Hosts__{i}", host.Value)),
        .. SenderDomain is null ? [] : new[] { ("Tracking__Notices__From", Value("Tracking__Notices__From")!) },
    ];

    // The form is that of systemd and Compose: NAME=VALUE lines, comments, quotation marks around the whole value.
    private void ReadFile(string file)
    {
        foreach (var line in File.ReadLines(file).Select(line => line.Trim()))
        {
            var equals = line.IndexOf('=', StringComparison.Ordinal);
            if (line.Length == 0 || line[0] is '#' or ';')
            {
                continue;
            }

            if (equals <= 0)
            {
                throw new FormatException($"{file}: takes lines of the form NAME=VALUE.");
            }

            var value = line[(equals + 1)..].Trim();
            _values[line[..equals].Trim()] = value is ['"' or '\'', .., _] && value[0] == value[^1]
                ? value[1..^1]
                : value;
        }
    }

    private void ReadSecrets()
    {
        if (Value(SecretsVariable) is not { } folder)
        {
            return;
        }

        foreach (var name in Directory.EnumerateFiles(folder).Select(file => Path.GetFileName(file)!)
            .Where(name => name.StartsWith("Tracking__", StringComparison.OrdinalIgnoreCase)))
        {
            _values[name] = File.ReadAllText(Path.Combine(folder, name)).Trim();
        }
    }

    private void Understand()
    {
        SystemHost = Host("Tracking__SystemHost")!.Value;
        Zone = Host("Tracking__SystemZone") ?? SystemHost;
        OtherHosts = [.. List("Tracking__Certificates__Hosts__{0}").Select(name => Host(name)!.Value)];
        Resolvers = [.. List("Tracking__Dns__Resolvers__{0}").Select(name => Resolver(name, Value(name)!))];
        QueryTimeout = TimeSpan.TryParse(
            Value("Tracking__Dns__QueryTimeout"), CultureInfo.InvariantCulture, out var timeout)
            ? timeout
            : throw Wrong("Tracking__Dns__QueryTimeout", "a duration such as 00:00:05");
        Ports = [Port("Tracking__Certificates__HttpPort"), Port("Tracking__Certificates__TlsPort")];
        Authorities =
        [
            .. List("Tracking__Certificates__Authorities__{0}__Directory").Select(name => new DoctorAuthority(
                Uri.TryCreate(Value(name), UriKind.Absolute, out var url) && url.Scheme == Uri.UriSchemeHttps
                    ? url
                    : throw Wrong(name, "an https:// URL"),
                Value(name.Replace("Directory", "RootCertificates", StringComparison.Ordinal)))),
        ];
        if (Value("Tracking__Notices__Smtp") is { } smtp)
        {
            MailServer = Uri.TryCreate(smtp, UriKind.Absolute, out var server)
                ? server.Host
                : throw new FormatException("Tracking__Notices__Smtp: got ***, takes smtp://host:port or smtps://….");
            SenderDomain = MailAddress.TryCreate(Value("Tracking__Notices__From"), out var from)
                && HostName.TryParse(from.Host, out var domain)
                    ? domain
                    : throw Wrong("Tracking__Notices__From", "an address, for instance Tracking <noreply@example.com>");
        }
    }

    private string? Value(string name) =>
        _values.TryGetValue(name, out var value) && value.Length > 0 ? value : Defaults.GetValueOrDefault(name);

    private HostName? Host(string name) => Value(name) is not { } text ? null
        : HostName.TryParse(text, out var host) ? host
        : throw Wrong(name, "a host name without scheme or port");

    private int Port(string name) =>
        int.TryParse(Value(name), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
        && port is > 0 and <= IPEndPoint.MaxPort
            ? port
            : throw Wrong(name, "a port from 1 to 65535");

    private (string Host, int Port) Resolver(string name, string text)
    {
        const int dns = 53;
        if (IPEndPoint.TryParse(text, out var address))
        {
            return (address.Address.ToString(), address.Port == 0 ? dns : address.Port);
        }

        var colon = text.LastIndexOf(':');
        var host = colon < 0 ? text : text[..colon];
        var port = dns;
        return HostName.TryParse(host, out _) && (colon < 0
            || int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port))
                ? (host, port)
                : throw Wrong(name, "host or host:port; an IPv6 address with a port is written [address]:port");
    }

    // The numbers of a list begin with 0. The first missing number ends the list.
    private IEnumerable<string> List(string form)
    {
        for (var i = 0; ; i++)
        {
            var name = form.Replace("{0}", i.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
            if (!_values.TryGetValue(name, out var value) || value.Length == 0)
            {
                yield break;
            }

            yield return name;
        }
    }

    private FormatException Wrong(string name, string takes) =>
        new(Value(name) is { } got ? $"{name}: got \"{got}\", takes {takes}." : $"{name}: missing, takes {takes}.");
}
