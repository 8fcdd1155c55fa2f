using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.System.Tests.Documents;

/// <summary>Writes tables of settings from options classes and their documentation comments.</summary>
internal sealed partial class DescribeSettings
{
    private readonly Dictionary<string, string> _summaries = new(StringComparer.Ordinal);

    /// <summary>Reads the documentation beside the program.</summary>
    public DescribeSettings()
    {
        foreach (var file in Directory.EnumerateFiles(AppContext.BaseDirectory, "Tracking.*.xml"))
        {
            foreach (var member in XDocument.Load(file).Descendants("member"))
            {
                _summaries[(string)member.Attribute("name")!] = Text(member.Element("summary"));
            }
        }
    }

    /// <summary>Properties without a documentation comment.</summary>
    public List<string> Undocumented { get; } = [];

    /// <summary>A heading, the class's summary and a table of its settings.</summary>
    /// <param name="section">The section under <c>Tracking</c>; empty for the root.</param>
    /// <param name="types">The classes bound to it.</param>
    public string Section(string section, IEnumerable<Type> types)
    {
        var path = section.Length == 0 ? CheckedOptions.Root : $"{CheckedOptions.Root}__{section}";
        var text = new StringBuilder($"\n## {path}\n\n");
        foreach (var type in types)
        {
            text.Append(Summary(type)).Append('\n');
        }

        text.Append("\n| variable | takes | default | meaning |\n|---|---|---|---|\n");
        foreach (var type in types)
        {
            Rows(text, path, type, Activator.CreateInstance(type)!);
        }

        return text.ToString();
    }

    // Nested settings have the defaults of their owner.
    private void Rows(StringBuilder text, string path, Type type, object defaults, string before = "")
    {
        foreach (var property in SettingForms.Settable(type))
        {
            var variable = $"{path}__{property.Name}";
            var isList = SettingForms.ElementType(property.PropertyType) is not null;
            if (!SettingForms.IsScalar(property.PropertyType) && !isList)
            {
                // The summaries of the owner's properties distinguish several settings of the same type.
                var isOneOfSeveral = SettingForms.Settable(type)
                    .Count(other => other.PropertyType == property.PropertyType) > 1;
                Rows(
                    text, variable, property.PropertyType, property.GetValue(defaults)!,
                    isOneOfSeveral ? Summary(property) + " " : "");
                continue;
            }

            if (SettingForms.ElementType(property.PropertyType) is { } element && !SettingForms.IsScalar(element))
            {
                Rows(text, $"{variable}__0", element, Activator.CreateInstance(element)!);
                continue;
            }

            text.Append(CultureInfo.InvariantCulture, $"| `{variable}{(isList ? "__0" : "")}` ")
                .Append(CultureInfo.InvariantCulture, $"| {Cell(Takes(property))} ")
                .Append(CultureInfo.InvariantCulture, $"| {Default(property.GetValue(defaults))} ")
                .Append(CultureInfo.InvariantCulture, $"| {Cell(before + Summary(property))} |\n");
        }
    }

    private string Summary(MemberInfo member)
    {
        var key = member is Type type
            ? $"T:{type.FullName}"
            : $"P:{member.DeclaringType!.FullName}.{member.Name}";
        if (_summaries.TryGetValue(key, out var summary) && summary.Length > 0)
        {
            return summary;
        }

        Undocumented.Add(key);
        return "";
    }

    // The document's head explains the form of durations.
    private static string Takes(PropertyInfo property) => SettingRanges.Takes(property, property.PropertyType)
        .Replace(" as hh:mm:ss or d.hh:mm:ss", "", StringComparison.Ordinal);

    private static string Default(object? value) => value switch
    {
        null or "" => "not set",
        bool flag => flag ? "`true`" : "`false`",
        Enum word => $"`{JsonNamingPolicy.CamelCase.ConvertName(word.ToString())}`",
        TimeSpan time => $"`{time:c}`",
        string or IFormattable => string.Create(CultureInfo.InvariantCulture, $"`{value}`"),
        _ => "none",
    };

    private static string Text(XElement? element) => element is null
        ? ""
        : WhiteSpace().Replace(string.Concat(element.Nodes().Select(Text)), " ").Trim();

    private static string Text(XNode node) => node switch
    {
        XText text => text.Value,
        XElement { Name.LocalName: "see" } see => "`"
            + ((string?)see.Attribute("langword") ?? ((string?)see.Attribute("cref"))!.Split('.')[^1]) + "`",
        XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
        XElement other => other.Value,
        _ => "",
    };

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);

    [GeneratedRegex(@"\s+", RegexOptions.NonBacktracking)]
    private static partial Regex WhiteSpace();
}
