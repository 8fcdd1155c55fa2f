using System.Net;

namespace Tracking.Links;

/// <summary>Whether a name can be a tracking domain, and if not, why not.</summary>
public enum NameRefusal
{
    /// <summary>The name can be a tracking domain.</summary>
    None,

    /// <summary>The text is empty.</summary>
    Empty,

    /// <summary>The text is more than a name: a scheme, a port, a path.</summary>
    NotAlone,

    /// <summary>An IP address, in any form that a browser reads as one.</summary>
    IpAddress,

    /// <summary>The name contains a <c>*</c>: links need one name.</summary>
    Wildcard,

    /// <summary>The name has an empty label.</summary>
    EmptyLabel,

    /// <summary>A label is longer than 63 octets.</summary>
    LabelTooLong,

    /// <summary>The name is longer than 253 octets.</summary>
    NameTooLong,

    /// <summary>The name has more than ten labels.</summary>
    TooManyLabels,

    /// <summary>The name contains an underscore.</summary>
    Underscore,

    /// <summary>The name contains a character that host names cannot have, or a label begins or ends with a
    /// hyphen.</summary>
    NotAName,

    /// <summary>A label has the form of an A-label (<c>xn--</c>, or two hyphens in third and fourth place) but is not
    /// valid.</summary>
    InvalidALabel,

    /// <summary>The name's last label leads nowhere on the internet.</summary>
    ReservedTopLevel,

    /// <summary>The name is a registered domain itself, or belongs to a registry.</summary>
    NotASubdomain,

    /// <summary>The name belongs to the operator.</summary>
    OperatorsOwn,
}

/// <summary>
/// Decides whether a name that a person typed may be a tracking domain. The result has the reason, and what would be
/// right. Names that no public certificate authority would sign are refused here, and not at their first certificate.
/// The last label is not checked for existence: the Public Suffix List is as old as this release, and new labels
/// appear.
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

    /// <summary>The name in its comparable form, A-labels in lower case; the default value for a text that is not a
    /// name.</summary>
    public HostName Host { get; }

    /// <summary>The reason for refusing the name.</summary>
    public NameRefusal Refusal { get; }

    /// <summary>Whether the name may be added.</summary>
    public bool IsAccepted => Refusal == NameRefusal.None;

    /// <summary>The error and the remedy, in words that follow the name; empty for an accepted name.</summary>
    public string Why { get; }

    /// <summary>Reads a name.</summary>
    /// <param name="text">The typed text: in any case, with a final dot or blanks around it, with letters of any
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

    /// <summary>The name relative to its registered domain. Many forms of DNS providers expect it as the name of a
    /// record.</summary>
    public static string RelativeName(HostName host)
    {
        var zone = Zone(host);
        return zone.Length == 0 || zone.Length == host.Value.Length ? host.Value : host.Value[..^(zone.Length + 1)];
    }

    /// <summary>The registered domain of a name, by the registries' part of the Public Suffix List. It is usually the
    /// zone of the name's record. Empty for a name without one.</summary>
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

        // A-labels in the name are valid and in NFC; otherwise the text would not be a host name.
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

    // Explains why a text is not a host name.
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

        // With letters of other scripts an octet is not a character. The remaining reasons: the name is too long, or
        // browsers reject it.
        return System.Text.Ascii.IsValid(name)
            ? Refuse(NameRefusal.NotAName, "has a character that no host name has; takes letters, digits, hyphens and "
                + "dots, such as track.example.com.")
            : Refuse(NameRefusal.NotAName, "has characters that browsers do not agree on, or is too long with its "
                + "letters as A-labels; takes another name.");
    }

    // Accepts every form that a browser reads as an address, with or without brackets, port and path.
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
