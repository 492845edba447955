using System.Text.Json;
using KlingPS.Core.Api.Wire;
using KlingPS.Core.Model;
using KlingPS.Core.Network;

namespace KlingPS.Core.Callbacks;

/// <summary>
/// The body of a callback, as far as it is used: which task it is about. The signature does not cover the rest, so the
/// service is asked for it.
/// </summary>
internal sealed record CallbackPayload
{
    private const int LongestState = 32;

    private static readonly string[] s_pendingStates = ["waiting", "queuing", "generating"];

    /// <summary>The ids in the fields that the service's pages name: <c>data.taskId</c>, <c>data.task_id</c>, <c>taskId</c>. At least one; without duplicates.</summary>
    public required IReadOnlyList<string> TaskIds { get; init; }

    /// <summary>The state, in the service's own words.</summary>
    public string? State { get; init; }

    /// <summary>The address that the service was asked to call, if <c>param</c> repeats it.</summary>
    public string? CallbackUri { get; init; }

    /// <summary>Whether it says that the task has not ended.</summary>
    public bool IsPending => s_pendingStates.Contains(State, StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads a body in either dialect: <c>param</c> packed once or twice.</summary>
    /// <param name="body">JSON in UTF-8.</param>
    /// <returns>The payload, or why it cannot be used.</returns>
    public static (CallbackPayload? Payload, CallbackVerdict Problem) Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body[(body.Span.StartsWith("\uFEFF"u8) ? 3 : 0)..]);
            JsonElement root = document.RootElement;
            JsonElement data = root.Unpacked("data");
            string[] ids = [.. new[] { data.Text("taskId"), data.Text("task_id"), root.Text("taskId") }.OfType<string>().Where(ServiceTaskId.IsValid).Distinct()];
            return root.ValueKind != JsonValueKind.Object ? (null, CallbackVerdict.BodyUnreadable)
                : ids.Length == 0 ? (null, CallbackVerdict.TaskIdMissing)
                : (new CallbackPayload { TaskIds = ids, State = data.Text("state") is { Length: <= LongestState } state ? state : null, CallbackUri = data.Unpacked("param").Text("callBackUrl") is { Length: <= AddressPolicy.MaxLength } uri ? uri : null }, default);
        }
        catch (JsonException)
        {
            return (null, CallbackVerdict.BodyUnreadable);
        }
    }
}
