using System.Net;
using System.Net.Sockets;
using Tracking.AcmeAuthority;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Cli;

/// <summary>A Knot with a zone for each case, an authority, and two open ports.</summary>
public sealed class DoctorLab : IAsyncLifetime
{
    /// <summary>The authority's domain in CAA records.</summary>
    public const string CaaDomain = "authority.example";

    private const string Host = "links A 127.0.0.1";
    private const string Wildcard = "*.track A 127.0.0.1";
    private const string Caa = $"*.track CAA 0 issue \"{CaaDomain}\"";
    private const string Mx = "notices MX 10 mail";
    private const string Spf = "notices TXT \"v=spf1 a:mail.op.net -all\"";

    private readonly TestKnot _knot = new(new IPEndPoint(IPAddress.Loopback, FreePort.Take(1)[0]));
    private readonly TestAuthority _authority = new();
    private readonly TemporaryFolder _folder = new();
    private readonly List<TcpListener> _listeners = [];

    public DoctorLab()
    {
        _knot.Add("net", "@ NS ns1\nns1 A 127.0.0.1");
        Add("sound", Host, Wildcard, Caa, Mx, Spf);
        Add("no-host", Wildcard, Caa, Mx, Spf);
        Add("no-wildcard", Host, Mx, Spf);
        Add("other-wildcard", Host, "*.track A 127.0.0.2", Caa, Mx, Spf);
        Add("proxied", Host, "*.track A 104.16.1.1", Caa, Mx, Spf);
        Add("no-caa", Host, Wildcard, Mx, Spf);
        Add("other-caa", Host, Wildcard, "*.track CAA 0 issue \"other.example\"", Mx, Spf);
        Add("other-method", Host, Wildcard, $"*.track CAA 0 issue \"{CaaDomain}; validationmethods=dns-01\"", Mx, Spf);
        Add("critical-caa", Host, Wildcard, "*.track CAA 128 tbs \"unknown\"", Mx, Spf);
        Add("forbidden-host", Host, Wildcard, Caa, Mx, Spf, "@ CAA 0 issue \";\"");
        Add("no-mx", Host, Wildcard, Caa, Spf);
        Add("null-mx", Host, Wildcard, Caa, "notices MX 0 .", Spf);
        Add("lost-mx", Host, Wildcard, Caa, "notices MX 10 nowhere", Spf);
        Add("address-for-mx", Host, Wildcard, Caa, "notices A 127.0.0.1", Spf);
        Add("no-spf", Host, Wildcard, Caa, Mx, "notices TXT \"other=1\"");
        Add("two-spf", Host, Wildcard, Caa, Mx, Spf, "notices TXT \"v=spf1 -all\"");
        Add("open-spf", Host, Wildcard, Caa, Mx, "notices TXT \"v=spf1 +all\"");
    }

    /// <summary>A closed port.</summary>
    public int ClosedPort { get; private set; }

    public async ValueTask InitializeAsync()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        for (var i = 0; i < 2; i++)
        {
            var listener = new TcpListener(IPAddress.Any, 0);
            listener.Start();
            _listeners.Add(listener);
        }

        ClosedPort = FreePort.Take(1)[0];
        await Task.WhenAll(_knot.StartAsync(cancellationToken), _authority.StartAsync());
        await File.WriteAllTextAsync(_folder.In("authority.pem"), _authority.RootPem, cancellationToken);
    }

    /// <summary>The settings of a case's zone, as a file.</summary>
    /// <param name="name">The case.</param>
    /// <param name="others">Further settings, which win.</param>
    public string Settings(string name, params string[] others)
    {
        var file = _folder.In($"{Guid.NewGuid():N}.env");
        File.WriteAllLines(
            file,
            [
                "# The services' settings.",
                $"Tracking__SystemHost=links.{name}.net",
                $"Tracking__SystemZone=\"track.{name}.net\"",
                $"Tracking__Dns__Resolvers__0={_knot.EndPoint}",
                $"Tracking__Certificates__Authorities__0__Directory={_authority.Directory}",
                $"Tracking__Certificates__Authorities__0__RootCertificates={_folder.In("authority.pem")}",
                $"Tracking__Certificates__HttpPort={Port(0)}",
                $"Tracking__Certificates__TlsPort={Port(1)}",
                "Tracking__Notices__Smtp=smtp://user:s3cret@mail.op.net",
                $"Tracking__Notices__From=Tracking <noreply@notices.{name}.net>",
                .. others,
            ]);
        return file;
    }

    /// <summary>A folder with one file per setting.</summary>
    public string Secrets(string name, string value)
    {
        var folder = _folder.In($"{Guid.NewGuid():N}");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, name), value + "\n");
        return folder;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var listener in _listeners)
        {
            listener.Dispose();
        }

        await _knot.DisposeAsync();
        await _authority.DisposeAsync();
        _folder.Dispose();
    }

    private int Port(int listener) => ((IPEndPoint)_listeners[listener].LocalEndpoint).Port;

    private void Add(string name, params string[] records) => _knot.Add(
        $"{name}.net", string.Join('\n', ["@ NS ns1", "ns1 A 127.0.0.1", "mail A 127.0.0.1", .. records]));
}
