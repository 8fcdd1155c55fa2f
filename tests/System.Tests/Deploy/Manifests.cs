using System.Text.Json.Nodes;
using Tracking.Servers;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.Serialization;

namespace Tracking.System.Tests.Deploy;

/// <summary>Reads the files under <c>deploy/</c>.</summary>
internal static class Manifests
{
    public static string Folder { get; } = Path.Combine(BuiltPrograms.Repository, "deploy");

    /// <summary>Image names and projects, from <c>containers/build</c>.</summary>
    public static IReadOnlyDictionary<string, string> Services { get; } =
        File.ReadAllText(Path.Combine(Folder, "containers", "build"))
            .Split("services=\"")[1].Split('"')[0]
            .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Split(':'))
            .ToDictionary(pair => pair[0], pair => pair[1]);

    public static string PathOf(params string[] names) => Path.Combine([Folder, .. names]);

    /// <summary>Every document of a YAML file, anchors and merge keys resolved; scalars are strings.</summary>
    public static List<JsonNode> Read(params string[] names)
    {
        using var text = new StringReader(File.ReadAllText(PathOf(names)));
        var parser = new MergingParser(new Parser(text));
        var deserializer = new DeserializerBuilder().Build();
        parser.Consume<StreamStart>();
        var documents = new List<JsonNode>();
        while (parser.Accept<DocumentStart>(out _))
        {
            documents.Add(ToJson(deserializer.Deserialize(parser))!);
        }

        return documents;
    }

    /// <summary>The items of a list, none when it is missing.</summary>
    public static IEnumerable<JsonNode> Items(this JsonNode? node) => (node as JsonArray ?? []).Select(item => item!);

    /// <summary>The properties of an object, none when it is missing.</summary>
    public static IEnumerable<KeyValuePair<string, JsonNode?>> Properties(this JsonNode? node) =>
        node as JsonObject ?? [];

    /// <summary>A value by its path, as text.</summary>
    public static string? Text(this JsonNode? node, params string[] path) => node.At(path)?.ToString();

    /// <summary>A value by its path.</summary>
    public static JsonNode? At(this JsonNode? node, params string[] path) =>
        path.Aggregate(node, (at, name) => (at as JsonObject)?[name]);

    private static JsonNode? ToJson(object? value) => value switch
    {
        null => null,
        IDictionary<object, object> map => new JsonObject(
            map.Select(pair => KeyValuePair.Create((string)pair.Key, ToJson(pair.Value)))),
        IEnumerable<object> list => new JsonArray([.. list.Select(ToJson)]),
        _ => JsonValue.Create((string)value),
    };
}
