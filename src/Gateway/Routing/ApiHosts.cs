using System.Collections.Frozen;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Links;
using Tracking.ServiceDefaults.Settings;
using Tracking.Tls;

namespace Tracking.Gateway.Routing;

/// <summary>The host names of API, console and health.</summary>
internal sealed class ApiHosts(IOptions<GatewayOptions> options) : IServedHosts
{
    // For health checks of the machine itself, and for a first try by hand.
    private static readonly string[] _loopback = ["localhost", "127.0.0.1"];

    private readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> _names = Lookup(Names(options.Value));
    private readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> _health = Lookup(HealthNames(options.Value));

    /// <summary>The names in their request form: A-labels, lower case.</summary>
    public static IReadOnlyList<string> Names(GatewayOptions options) => options.ApiHosts.Count == 0
        ? _loopback
        : [.. options.ApiHosts.Select(name => HostName.TryParse(name, out var host)
            ? host.Value
            : throw new InvalidOperationException($"\"{name}\" has passed the check of the options."))
            .Distinct(StringComparer.OrdinalIgnoreCase)];

    /// <summary>The names for health: those of the API, and the machine's own.</summary>
    public static IReadOnlyList<string> HealthNames(GatewayOptions options) =>
        [.. Names(options).Union(_loopback, StringComparer.OrdinalIgnoreCase)];

    /// <summary>Whether a request's host is one of the names, in any case, with or without a final dot or a
    /// port.</summary>
    public bool Contains(HostString host) => _names.Contains(NameOf(host));

    /// <inheritdoc/>
    public HostStanding Find(HostName name) =>
        _names.Contains(name.Value) ? HostStanding.ActiveWithHttps : HostStanding.Unsaid;

    /// <summary>Whether a request asks for this process's health.</summary>
    public bool IsHealth(HttpContext context) =>
        context.Request.Path.StartsWithSegments("/health", StringComparison.OrdinalIgnoreCase)
        && _health.Contains(NameOf(context.Request.Host));

    /// <summary>Removes the final dot of an API's name, because routes do not match it.</summary>
    public void Normalize(HttpContext context)
    {
        var host = context.Request.Host;
        if (host.Value is { } written && written.Contains('.', StringComparison.Ordinal)
            && NameOf(host) is var name && name.Length < written.Length && written[name.Length] == '.'
            && _health.Contains(name))
        {
            context.Request.Host = new HostString(written.Remove(name.Length, 1));
        }
    }

    private static FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> Lookup(IEnumerable<string> names) =>
        names.ToFrozenSet(StringComparer.OrdinalIgnoreCase).GetAlternateLookup<ReadOnlySpan<char>>();

    // More than one colon means an IPv6 address, which is not a name.
    private static ReadOnlySpan<char> NameOf(HostString host)
    {
        var name = host.Value.AsSpan();
        var colon = name.IndexOf(':');
        name = colon >= 0 && name.LastIndexOf(':') == colon ? name[..colon] : name;
        return name.EndsWith(".") ? name[..^1] : name;
    }

    /// <summary>Refuses the system host among the API's names: links on it would no longer work.</summary>
    internal sealed class WithoutSystemHost(IOptions<SystemOptions> system) : IValidateOptions<GatewayOptions>
    {
        public ValidateOptionsResult Validate(string? name, GatewayOptions options)
        {
            if (!HostName.TryParse(system.Value.SystemHost, out var host))
            {
                // Another check refuses it, with its own message.
                return ValidateOptionsResult.Success;
            }

            var setting = $"{CheckedOptions.Root}__{GatewayOptions.Section}__{nameof(GatewayOptions.ApiHosts)}";
            var meaning = $"which is {CheckedOptions.Root}__{nameof(SystemOptions.SystemHost)}: every link on it would "
                + "be answered by the API; takes names that carry no links.";
            var same = options.ApiHosts
                .Select((text, index) => (Text: text, Index: index))
                .Where(entry => HostName.TryParse(entry.Text, out var api) && api == host)
                .Select(entry => $"{setting}__{entry.Index}: got \"{entry.Text}\", {meaning}")
                .ToList();
            if (options.ApiHosts.Count == 0 && _loopback.Contains(host.Value))
            {
                same.Add($"{setting}: not set, so {string.Join(" and ", _loopback)}, the first of {meaning}");
            }

            return same.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(same);
        }
    }
}
