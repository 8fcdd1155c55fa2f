using System.Text;

namespace Tracking.Links;

/// <summary>The sections of the Public Suffix List that count.</summary>
public enum SuffixSections : byte
{
    /// <summary>Suffixes under which registries register names (<c>com</c>, <c>co.uk</c>), and suffixes under which
    /// companies give names to others (<c>github.io</c>): names below one suffix belong to different owners.</summary>
    All,

    /// <summary>Only the registries' suffixes.</summary>
    Registries,
}

/// <summary>
/// Finds the beginning of an organisation's name in a host name, by the Public Suffix List (publicsuffix.org; the file
/// beside this one is Mozilla's, from Debian's package <c>publicsuffix</c>). A look-up reads the name's last labels in
/// place and allocates nothing.
/// </summary>
public static class PublicSuffix
{
    private static readonly Rules _list = Read();

    /// <summary>The meaning of a rule for its name. Private rules have the same bits, shifted.</summary>
    [Flags]
    private enum Rule : byte
    {
        None = 0,

        /// <summary>The name is a suffix.</summary>
        Suffix = 1,

        /// <summary><c>*.</c>: the name with any one label before it is a suffix.</summary>
        Wildcard = 2,

        /// <summary><c>!</c>: the name is not a suffix.</summary>
        Exception = 4,
    }

    private const int PrivateShift = 4;

    /// <summary>The registrable domain of a host: the public suffix and one label before it.</summary>
    /// <param name="host">The host.</param>
    /// <param name="sections">The rules that count.</param>
    /// <returns>A part of the host's own <see cref="HostName.Value"/>; empty for a public suffix, such as every name of
    /// one label.</returns>
    public static ReadOnlySpan<char> RegistrableDomain(HostName host, SuffixSections sections = SuffixSections.All)
    {
        ReadOnlySpan<char> name = host.Value;
        var start = name.Length - Suffix(name, sections).Length - 1;
        return start < 0 ? default : name[LabelStart(name, start)..];
    }

    /// <summary>The public suffix of a host: its longest ending in the list, otherwise its last label.</summary>
    /// <param name="host">The host.</param>
    /// <param name="sections">The rules that count.</param>
    /// <returns>A part of the host's own <see cref="HostName.Value"/>.</returns>
    public static ReadOnlySpan<char> Suffix(HostName host, SuffixSections sections = SuffixSections.All) =>
        Suffix(host.Value.AsSpan(), sections);

    /// <summary>Whether two hosts have the same registrable domain. Hosts without one must be equal.</summary>
    public static bool IsSameOrganisation(HostName one, HostName other)
    {
        var domain = RegistrableDomain(one);
        return domain.IsEmpty ? one == other : domain.SequenceEqual(RegistrableDomain(other));
    }

    // Begins at the last label, so that a longer rule replaces a shorter one. An exception overrides all other rules.
    private static ReadOnlySpan<char> Suffix(ReadOnlySpan<char> name, SuffixSections sections)
    {
        if (name.IsEmpty)
        {
            return default;
        }

        var start = LabelStart(name, name.Length);
        var suffix = start;
        var wildcard = false;
        for (var labels = 1; ; labels++)
        {
            var rule = _list.Find(name[start..], sections);
            if ((rule & Rule.Exception) != 0)
            {
                // The exception's name without its first label. No exception has only one label.
                return name[(start + name[start..].IndexOf('.') + 1)..];
            }

            if (wildcard || (rule & Rule.Suffix) != 0)
            {
                suffix = start;
            }

            wildcard = (rule & Rule.Wildcard) != 0;
            if (start == 0 || labels == _list.MostLabels)
            {
                return name[suffix..];
            }

            start = LabelStart(name, start - 1);
        }
    }

    private static int LabelStart(ReadOnlySpan<char> name, int end) => name[..end].LastIndexOf('.') + 1;

    private static Rules Read()
    {
        var rules = new Dictionary<string, Rule>(StringComparer.Ordinal);
        var shift = 0;
        var mostLabels = 1;
        using var stream = typeof(PublicSuffix).Assembly.GetManifestResourceStream("PublicSuffixList.dat")!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith("// ===BEGIN PRIVATE", StringComparison.Ordinal))
            {
                shift = PrivateShift;
            }

            // The rule ends at the first white space.
            var end = line.AsSpan().IndexOfAny(' ', '\t');
            line = end < 0 ? line : line[..end];
            if (line.Length == 0 || line.StartsWith("//", StringComparison.Ordinal))
            {
                continue;
            }

            var (rule, name) = line[0] == '!' ? (Rule.Exception, line[1..])
                : line.StartsWith("*.", StringComparison.Ordinal) ? (Rule.Wildcard, line[2..])
                : (Rule.Suffix, line);
            if (!Ascii.IsValid(name))
            {
                // Browsers reject some suffixes as names. No host can have them.
                if (InternationalName.ToAscii(name) is not { } ascii)
                {
                    continue;
                }

                name = ascii;
            }

            rules.TryGetValue(name, out var before);
            rules[name] = before | (Rule)((int)rule << shift);
            mostLabels = Math.Max(mostLabels, name.AsSpan().Count('.') + (rule == Rule.Wildcard ? 2 : 1));
        }

        return new Rules(rules, mostLabels);
    }

    private sealed class Rules(Dictionary<string, Rule> rules, int mostLabels)
    {
        private readonly Dictionary<string, Rule>.AlternateLookup<ReadOnlySpan<char>> _byName =
            rules.GetAlternateLookup<ReadOnlySpan<char>>();

        public int MostLabels { get; } = mostLabels;

        public Rule Find(ReadOnlySpan<char> name, SuffixSections sections)
        {
            if (!_byName.TryGetValue(name, out var rule))
            {
                return Rule.None;
            }

            return sections == SuffixSections.All ? rule | (Rule)((int)rule >> PrivateShift) : rule;
        }
    }
}
