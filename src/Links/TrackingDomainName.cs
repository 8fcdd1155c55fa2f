using System.Net;

namespace Tracking.Links;

/// <summary>Why a name cannot be a tracking domain, or that it can.</summary>
public enum NameRefusal
{
    /// <summary>It can.</summary>
    None,

    /// <summary>Nothing was given.</summary>
    Empty,

    /// <summary>More than a name was given: a scheme, a port, a path.</summary>
    NotAlone,

    /// <summary>An IP address, in whatever form a browser reads as one.</summary>
    IpAddress,

    /// <summary>A <c>*</c> stands in it: links need a name.</summary>
    Wildcard,

    /// <summary>An empty label.</summary>
    EmptyLabel,

    /// <summary>A label is longer than 63 octets.</summary>
    LabelTooLong,

    /// <summary>It is longer than 253 octets.</summary>
    NameTooLong,

    /// <summary>It has more than ten labels.</summary>
    TooManyLabels,

    /// <summary>An underscore stands in it.</summary>
    Underscore,

    /// <summary>A character stands in it that no host name has, or a hyphen at an end of a label.</summary>
    NotAName,

    /// <summary>A label is written like an A-label (<c>xn--</c>, or two hyphens in third and fourth place) and is
    /// none.</summary>
    InvalidALabel,

    /// <summary>It ends in a name that leads nowhere on the internet.</summary>
    ReservedTopLevel,

    /// <summary>It is a domain as registries give them, or a part of a registry's own name.</summary>
    NotASubdomain,

    /// <summary>It is the operator's own.</summary>
    OperatorsOwn,
}

/// <summary>
/// Whether a name, as a person typed it, may be a tracking domain: a value with the reason and with what would be
/// right. What no public certificate authority would sign is refused here and not at its first certificate. Whether its
/// last label exists is not asked: the Public Suffix List is as old as this release, and new ones come.
/// </summary>
public sealed record TrackingDomainName
{
    // Boulder's policy (policy/pa.go, maxLabels).
    private const int MaxLabels = 10;
    private const int MaxLabelLength = 63;

    private static readonly string[] _reserved =
        ["localhost", "local", "test", "invalid", "example", "localdomain"];

    private TrackingDomainName(HostName host, NameRefusal refusal, string why)
    {
        Host = host;
        Refusal = refusal;
        Why = why;
    }

    /// <summary>The name in its one form, A-labels in lower case; the default value when it could not be
    /// read.</summary>
    public HostName Host { get; }

    /// <summary>Why it is refused.</summary>
    public NameRefusal Refusal { get; }

    /// <summary>Whether it may be added.</summary>
    public bool IsAccepted => Refusal == NameRefusal.None;

    /// <summary>What is wrong and what would be right, in words that follow the name; empty when nothing is.</summary>
    public string Why { get; }

    /// <summary>Reads a name.</summary>
    /// <param name="text">As it was typed: any case, with a final dot or blanks around it, with letters of any
    /// script.</param>
    /// <param name="systemHost">The operator's own host of links.</param>
    /// <param name="systemZone">The zone of verification targets.</param>
    public static TrackingDomainName Read(string? text, HostName systemHost, HostName systemZone)
    {
        var typed = text?.Trim() ?? "";
        if (typed.Length == 0)
        {
            return Refuse(NameRefusal.Empty, "takes a host name such as track.example.com.");
        }

        if (IsAddress(typed))
        {
            return Refuse(NameRefusal.IpAddress, "is an IP address; takes a host name such as track.example.com.");
        }

        var alone = TakeAlone(typed);
        if (alone.Length != typed.Length)
        {
            return HostName.TryParse(alone, out var inside)
                ? Refuse(
                    NameRefusal.NotAlone, $"is more than a name; takes the name alone: {inside.ToUnicode()}", inside)
                : Refuse(NameRefusal.NotAlone, "is not a name; takes a host name alone, such as track.example.com, "
                    + "without scheme, port or path.");
        }

        return HostName.TryParse(typed, out var host) ? Check(host, systemHost, systemZone) : Explain(typed);
    }

    /// <summary>The name as it stands below its registered domain: what many forms of DNS providers take as the name of
    /// a record.</summary>
    public static string RelativeName(HostName host)
    {
        var zone = Zone(host);
        return zone.Length == 0 || zone.Length == host.Value.Length ? host.Value : host.Value[..^(zone.Length + 1)];
    }

    /// <summary>The registered domain of a name, by the registries' part of the Public Suffix List: mostly the zone
    /// that its record belongs into. Empty when the name has none.</summary>
    public static string Zone(HostName host) =>
        PublicSuffix.RegistrableDomain(host, SuffixSections.Registries).ToString();

    private static TrackingDomainName Check(HostName host, HostName systemHost, HostName systemZone)
    {
        var name = host.Value;
        if (name.Contains('_', StringComparison.Ordinal))
        {
            return Refuse(NameRefusal.Underscore, "has an underscore, and no certificate authority signs such a name; "
                + "takes letters, digits and hyphens.", host);
        }

        var labels = name.Split('.');
        if (labels.Length > MaxLabels)
        {
            return Refuse(NameRefusal.TooManyLabels, $"has {labels.Length} labels, and certificate authorities sign at "
                + $"most {MaxLabels}; takes a shorter name.", host);
        }

        // A-labels among them are valid and in NFC: nothing else is read as a host name.
        if (Array.Find(labels, label => label.Length >= 4 && label[2] == '-' && label[3] == '-'
            && !label.StartsWith("xn--", StringComparison.Ordinal)) is { } dashed)
        {
            return Refuse(NameRefusal.InvalidALabel, $"has the label {dashed} with two hyphens in third and fourth "
                + "place, which no certificate authority signs; takes another name.", host);
        }

        if (Array.IndexOf(_reserved, labels[^1]) >= 0)
        {
            return Refuse(NameRefusal.ReservedTopLevel, $"ends in {labels[^1]}, which leads nowhere on the internet; "
                + "takes a name under a domain of yours, such as track.example.com.", host);
        }

        if (host == systemHost || host == systemZone || host.IsBelow(systemZone))
        {
            return Refuse(NameRefusal.OperatorsOwn, "belongs to this system itself; takes a name under a domain of "
                + "yours.", host);
        }

        var domain = Zone(host);
        return domain.Length == 0
            ? Refuse(NameRefusal.NotASubdomain, $"is not a name that somebody can register, and {host} has no owner "
                + "but its registry; takes at least three labels, such as track.example.com.", host)
            : domain.Length == name.Length
                ? Refuse(NameRefusal.NotASubdomain, "is the registered domain itself, which cannot be an alias; takes "
                    + $"a name under it, such as track.{host.ToUnicode()}.", host)
                : new TrackingDomainName(host, NameRefusal.None, "");
    }

    // Why a text is no host name at all.
    private static TrackingDomainName Explain(string typed)
    {
        const string Takes = "takes a host name such as track.example.com.";
        if (typed.Contains('*', StringComparison.Ordinal))
        {
            return Refuse(NameRefusal.Wildcard, "has a *, and links need one name; add each name by itself.");
        }

        var name = typed.ToLowerInvariant();
        var labels = (name.EndsWith('.') ? name[..^1] : name).Split('.');
        if (Array.Exists(labels, label => label.Length == 0))
        {
            return Refuse(NameRefusal.EmptyLabel, $"has nothing between two dots, or begins with one; {Takes}");
        }

        if (Array.Exists(labels, label => label.Length > MaxLabelLength))
        {
            return Refuse(NameRefusal.LabelTooLong, $"has a label of more than {MaxLabelLength} octets; DNS has no "
                + "room for it, takes a shorter one.");
        }

        if (name.Length > HostName.MaxLength)
        {
            return Refuse(NameRefusal.NameTooLong, $"has {name.Length} octets, and DNS has room for "
                + $"{HostName.MaxLength}; takes a shorter name.");
        }

        if (Array.Find(labels, label => label.StartsWith("xn--", StringComparison.Ordinal)
            && !HostName.TryParse(label, out _)) is { } wrong)
        {
            return Refuse(NameRefusal.InvalidALabel, $"has the label {wrong}, which stands for no letters; takes the "
                + "name as it is written, or its right A-labels.");
        }

        if (Array.Exists(labels, label => label[0] == '-' || label[^1] == '-'))
        {
            return Refuse(NameRefusal.NotAName, $"has a label with a hyphen at its end; {Takes}");
        }

        // With letters of other scripts an octet is not a character: what is left is too long, or no browser reads it.
        return System.Text.Ascii.IsValid(name)
            ? Refuse(NameRefusal.NotAName, "has a character that no host name has; takes letters, digits, hyphens and "
                + "dots, such as track.example.com.")
            : Refuse(NameRefusal.NotAName, "has characters that browsers do not agree on, or is too long with its "
                + "letters as A-labels; takes another name.");
    }

    // Any form that a browser reads as an address, in brackets or not, with a port or a path or not.
    private static bool IsAddress(string typed)
    {
        var alone = TakeAlone(typed);
        return Ipv4Host.EndsInNumber(alone)
            || (typed.Contains(':', StringComparison.Ordinal)
                && IPAddress.TryParse(typed.TrimStart('[').TrimEnd(']', '/'), out _))
            || alone.StartsWith('[');
    }

    private static string TakeAlone(string typed)
    {
        var name = typed.AsSpan();
        if (name.IndexOf("//") is >= 0 and var slashes && name[..slashes].IndexOfAny('/', '?', '#') < 0)
        {
            name = name[(slashes + 2)..];
        }

        var end = name.IndexOfAny("/?#\\");
        name = end < 0 ? name : name[..end];
        name = name[(name.LastIndexOf('@') + 1)..];
        if (!name.StartsWith("["))
        {
            var port = name.IndexOf(':');
            name = port < 0 ? name : name[..port];
        }

        return name.Length == typed.Length ? typed : name.ToString();
    }

    private static TrackingDomainName Refuse(NameRefusal refusal, string why, HostName host = default) =>
        new(host, refusal, why);
}
