using System.Globalization;
using System.Text.Json;
using KlingPS.Core.Model;

namespace KlingPS.Core.Api.Wire;

/// <summary>Reads the <c>data</c> of <c>recordInfo</c> and of callbacks, in all the dialects they were seen in.</summary>
internal static class SnapshotReader
{
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
            CreditsConsumed = data.Number("creditsConsumed") ?? data.Number("consumeCredits"),
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

        return new VideoSpec
        {
            Model = param.Text("model") ?? data.Text("model") ?? KlingModel.Default,
            Prompt = input.Text("prompt") ?? string.Empty,
            Image = input.Text("image_url") is string image ? ImageSource.FromUri(image) : null,
            TailImage = input.Text("tail_image_url") is string tail ? ImageSource.FromUri(tail) : null,
            Duration = int.TryParse(input.Text("duration"), NumberStyles.None, CultureInfo.InvariantCulture, out int duration) ? duration : null,
            NegativePrompt = input.Text("negative_prompt"),
            CfgScale = input.Number("cfg_scale"),
            CallbackUri = param.Text("callBackUrl"),
        };
    }
}
