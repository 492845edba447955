using System.Text.Json;
using KlingPS.Core.Model;

namespace KlingPS.Core.Api.Wire;

/// <summary>Reads the <c>data</c> of <c>recordInfo</c> and of callbacks, in all the dialects they were seen in.</summary>
internal static class SnapshotReader
{
    /// <summary>No video costs as much. A price that is taken for one has to be addable to all others.</summary>
    private const decimal MaxCredits = 1_000_000_000;

    /// <summary>Reads a task.</summary>
    /// <param name="data">The <c>data</c> of the answer.</param>
    /// <param name="taskId">The id that was asked for, used where the answer does not repeat it.</param>
    public static TaskSnapshot Read(JsonElement data, string taskId)
    {
        string? state = data.Text("state");
        return new TaskSnapshot
        {
            TaskId = data.Text("taskId") ?? taskId,
            State = ReadState(state),
            ResultUris = ReadResultUris(data),
            FailCode = data.Text("failCode"),
            FailMessage = data.Text("failMsg"),
            CreatedAt = data.UnixMilliseconds("createTime"),
            CompletedAt = data.UnixMilliseconds("completeTime"),
            CreditsConsumed = data.Number("creditsConsumed", 0, MaxCredits) ?? data.Number("consumeCredits", 0, MaxCredits),
            Spec = ReadSpec(data),
        };
    }

    private static KlingTaskState ReadState(string? state) => state?.ToLowerInvariant() switch
    {
        "success" => KlingTaskState.Succeeded,
        "fail" or "failed" => KlingTaskState.Failed,
        "queuing" => KlingTaskState.Queuing,
        "generating" => KlingTaskState.Generating,
        _ => KlingTaskState.Waiting,
    };

    private static List<string> ReadResultUris(JsonElement data)
    {
        JsonElement uris = data.Unpacked("resultJson").Field("resultUrls");
        return uris.ValueKind == JsonValueKind.Array
            ? [.. uris.EnumerateArray().Where(uri => uri.ValueKind == JsonValueKind.String).Select(uri => uri.Content()).OfType<string>().Where(uri => uri.Length > 0)]
            : [];
    }

    private static VideoSpec? ReadSpec(JsonElement data)
    {
        JsonElement param = data.Unpacked("param");
        JsonElement input = param.Unpacked("input");
        if (input.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        string model = param.Text("model") ?? data.Text("model") ?? ModelCatalog.DefaultId;
        return VideoInput.Read(input, model) with { CallbackUri = param.Text("callBackUrl") };
    }
}
