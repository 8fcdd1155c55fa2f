using System.Globalization;

namespace Tracking.Cli.Filter;

/// <summary>The ways to handle a message that cannot be rewritten.</summary>
internal enum Fallback
{
    /// <summary>The message stays in the MTA's queue and is tried again.</summary>
    Defer,

    /// <summary>The message goes on unchanged.</summary>
    Pass,
}

/// <summary>
/// The arguments of <c>trackctl filter</c>. They are read without the general parser, because sender and recipients are
/// foreign text, and the parser would read an address such as <c>--url=x@example.com</c> as an option.
/// </summary>
internal sealed record FilterArguments
{
    /// <summary>The usual path of an MTA's sendmail command.</summary>
    public const string DefaultSendmail = "/usr/sbin/sendmail";

    /// <summary>The server, when one is named.</summary>
    public string? Url { get; private set; }

    /// <summary>The file with the API key, when one is named.</summary>
    public string? KeyFile { get; private set; }

    /// <summary>The cluster.</summary>
    public string? Cluster { get; private set; }

    /// <summary>The envelope sender; empty for the null sender.</summary>
    public string? Sender { get; private set; }

    /// <summary>The envelope recipients.</summary>
    public IReadOnlyList<string> Recipients { get; private set; } = [];

    /// <summary>The request headers from the options.</summary>
    public Dictionary<string, string> Metadata { get; } = [];

    /// <summary>The sendmail command.</summary>
    public string Sendmail { get; private set; } = DefaultSendmail;

    /// <summary>What happens if the server refuses the message.</summary>
    public Fallback WhenRefused { get; private set; }

    /// <summary>What happens if the server cannot be reached or cannot answer now.</summary>
    public Fallback WhenUnavailable { get; private set; }

    /// <summary>The longest wait for the server: 1 to 600 s, default 60 s. It must be below the MTA's own limit for the
    /// command (1,000 s in Postfix). Otherwise the MTA would end the command first.</summary>
    public TimeSpan Timeout { get; private set; } = TrackingApi.DefaultTimeout;

    /// <summary>Reads arguments.</summary>
    /// <param name="arguments">The arguments after <c>filter</c>.</param>
    /// <param name="complaint">What is wrong with the arguments.</param>
    /// <returns><see langword="null"/> with a complaint.</returns>
    public static FilterArguments? Read(ReadOnlySpan<string> arguments, out string complaint)
    {
        var read = new FilterArguments();
        complaint = "";
        while (!arguments.IsEmpty && arguments[0] != "--" && complaint.Length == 0)
        {
            var name = arguments[0];
            if (!name.StartsWith('-') || arguments.Length < 2)
            {
                complaint = name.StartsWith('-')
                    ? $"{name}: takes a value."
                    : $"'{name}' is no option; recipients come after --.";
                break;
            }

            complaint = read.Set(name, arguments[1]) ?? "";
            arguments = arguments[2..];
        }

        if (complaint.Length == 0)
        {
            read.Recipients = arguments.IsEmpty ? [] : arguments[1..].ToArray();
            complaint = read.Missing() ?? "";
        }

        return complaint.Length == 0 ? read : null;
    }

    private string? Set(string name, string value)
    {
        switch (name)
        {
            case "-f" or "--sender":
                Sender = value == "<>" ? "" : value;
                return null;
            case "--url":
                Url = value;
                return null;
            case "--key-file":
                KeyFile = value;
                return null;
            case "--cluster":
                Cluster = value;
                return null;
            case "--sendmail":
                Sendmail = value;
                return null;
            case "--when-refused":
                return Take(value, fallback => WhenRefused = fallback) ? null : OneOf("defer", "pass");
            case "--when-unavailable":
                return Take(value, fallback => WhenUnavailable = fallback) ? null : OneOf("defer", "pass");
            case "--timeout":
                if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
                    || seconds is < 1 or > 600)
                {
                    return $"--timeout: got '{value}', takes seconds from 1 to 600.";
                }

                Timeout = TimeSpan.FromSeconds(seconds);
                return null;
            case "--clicks":
                return Metadata.TryAdd("tracking-clicks", value) && value is "yes" or "no" or "html" or "text"
                    ? null
                    : OneOf("yes", "no", "html", "text");
            case "--opens":
                return Metadata.TryAdd("tracking-opens", value) && value is "yes" or "no" ? null : OneOf("yes", "no");
            case "--level":
                return Metadata.TryAdd("tracking-level", value)
                    && value is "full" or "pseudonymous" or "anonymous" or "off" or "none"
                    ? null
                    : OneOf("full", "pseudonymous", "anonymous", "off");
            case "--utm":
                Metadata["tracking-utm"] = value;
                return null;
            case "--test":
                return Metadata.TryAdd("tracking-test", value) && value is "true" or "false"
                    ? null
                    : OneOf("true", "false");
            case "--host":
                Metadata["tracking-host"] = value;
                return null;
            case "--tag":
                Metadata["tracking-tags"] = Metadata.TryGetValue("tracking-tags", out var tags)
                    ? $"{tags},{value}"
                    : value;
                return null;
            default:
                return $"{name}: there is no such option; trackctl filter --help lists the options.";
        }

        string OneOf(params string[] words) => $"{name}: got '{value}', takes one of {string.Join(", ", words)}, once.";
    }

    private static bool Take(string value, Action<Fallback> set)
    {
        if (value is not ("defer" or "pass"))
        {
            return false;
        }

        set(value == "pass" ? Fallback.Pass : Fallback.Defer);
        return true;
    }

    private string? Missing() =>
        Cluster is null ? "--cluster: is missing."
        : Sender is null ? "-f: is missing; an empty value or <> is the null sender."
        : Recipients.Count == 0 ? "Recipients are missing; they come last, after --."
        // An argument that is not UTF-8 has lost bytes before it arrives here. Such a message is held back, because it
        // could reach the wrong recipient.
        : Recipients.Append(Sender).Any(address => address.Contains('\uFFFD', StringComparison.Ordinal))
            ? "An address is not UTF-8."
        : Recipients.Contains("") ? "A recipient is empty."
        : null;
}
