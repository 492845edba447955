using System.Globalization;
using System.Text.Json;

namespace KlingPS.Core.Tests.Api;

/// <summary>Answers that nobody would think of: the fields of real ones with values of any kind, packed, escaped and cut off.</summary>
internal static class JsonNoise
{
    private static readonly string[] s_names =
        ["code", "msg", "message", "data", "taskId", "state", "resultJson", "resultUrls", "param", "input", "model", "prompt", "duration", "cfg_scale", "failCode", "failMsg", "createTime", "completeTime", "creditsConsumed", "downloadUrl", "fileSize", "fileName", "m\\ud800", "st\\u0061te"];

    private static readonly string[] s_texts =
        ["success", "fail", "waiting", "", "200", "429", "500", "https://a.example/1.mp4", "not json", "5", "1e400", "null", "\\ud800", "\\udc00x", "\\u0000", "recordInfo is null"];

    private static readonly string[] s_numbers =
        ["200", "0", "-1", "500", "429", "1e400", "1790000000000", "253402300799999", "99999999999999999999999999999999", "0.5", "1e28"];

    /// <summary>Mostly an envelope around a task; sometimes any JSON, sometimes half of it.</summary>
    public static string Write(Random random)
    {
        string json = random.Next(4) == 0
            ? Value(random, 5)
            : $$"""{"code":{{(random.Next(4) == 0 ? Value(random, 1) : "200")}},"msg":{{Value(random, 1)}},"data":{{Object(random, 4)}}}""";
        return random.Next(20) == 0 ? json[..random.Next(json.Length)] : json;
    }

    private static string Value(Random random, int depth) => random.Next(depth > 0 ? 9 : 5) switch
    {
        0 => "null",
        1 => random.Next(2) == 0 ? "true" : "false",
        2 => Pick(random, s_numbers),
        3 => random.Next(-1000, 1000).ToString(CultureInfo.InvariantCulture),
        4 => Text(random),
        5 => "[" + string.Join(',', Enumerable.Range(0, random.Next(4)).Select(_ => Value(random, depth - 1))) + "]",
        6 => JsonSerializer.Serialize(Value(random, depth - 1)),
        _ => Object(random, depth),
    };

    private static string Object(Random random, int depth)
        => "{" + string.Join(',', Enumerable.Range(0, random.Next(8)).Select(_ => $"\"{Pick(random, s_names)}\":{Value(random, depth - 1)}")) + "}";

    private static string Text(Random random) => $"\"{Pick(random, s_texts)}\"";

    private static string Pick(Random random, string[] from) => from[random.Next(from.Length)];
}
