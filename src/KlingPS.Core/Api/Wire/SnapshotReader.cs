using System.Text.Json;
using KlingPS.Core.Model;
using KlingPS.Core.Network;

namespace KlingPS.Core.Api.Wire;

/// <summary>Reads the <c>data</c> of <c>recordInfo</c> and of callbacks, in all the dialects they were seen in.</summary>
/// <param name="addresses">Which links may be followed.</param>
/// <param name="time">The clock: anything dated later has not happened yet.</param>
internal sealed class SnapshotReader(AddressPolicy addresses, TimeProvider time)
{
    /// <summary>A task has one video. More links than these are not even looked at.</summary>
    private const int MaxLinks = 10;

    /// <summary>More than the longest request there can be, with every character of it escaped twice.</summary>
    private const int MaxRequestLength = 200_000;

    private const int MaxModelLength = 200;

    /// <summary>Reads a task.</summary>
    /// <param name="data">The <c>data</c> of the answer.</param>
    /// <param name="taskId">The id that was asked for.</param>
    /// <returns>
    /// The task, by its id as the service spells it: in another spelling, the ledger would take it for another task. <see langword="null"/> if
    /// the answer is about another one.
    /// </returns>
    public TaskSnapshot? Read(JsonElement data, string taskId)
    {
        string? named = data.Text("taskId");
        if (named is not null && !string.Equals(named, taskId, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        (List<string> links, string? problem) = ReadLinks(data);
        KlingTaskState? state = ReadState(data.Text("state"));
        DateTimeOffset now = time.GetUtcNow();
        DateTimeOffset? created = ReceivedTime.From(data.UnixMilliseconds("createTime"), now);
        var snapshot = new TaskSnapshot
        {
            TaskId = ServiceTaskId.IsValid(named) ? named! : taskId,
            State = state ?? KlingTaskState.Waiting,
            NamesState = state is not null,
            ResultUris = links,
            LinkProblem = problem,
            FailCode = data.Text("failCode"),
            FailMessage = data.Text("failMsg"),
            CreatedAt = created,
            CompletedAt = ReceivedTime.FromEnd(data.UnixMilliseconds("completeTime"), created, now),
            CreditsConsumed = VideoPrice.From(data.Number("creditsConsumed")) ?? data.Number("consumeCredits"),
            Spec = ReadSpec(data),
        };
        return snapshot with
        {
            IsEmpty = data.Text("state") is null
                && snapshot is { ResultUris.Count: 0, LinkProblem: null, FailCode: null, FailMessage: null, CreatedAt: null, CompletedAt: null, CreditsConsumed: null, Spec: null },
        };
    }

    private static KlingTaskState? ReadState(string? state) => state?.ToLowerInvariant() switch
    {
        "success" => KlingTaskState.Succeeded,
        "fail" or "failed" => KlingTaskState.Failed,
        "queuing" => KlingTaskState.Queuing,
        "generating" => KlingTaskState.Generating,
        "waiting" => KlingTaskState.Waiting,
        _ => null,
    };

    private (List<string> Links, string? Problem) ReadLinks(JsonElement data)
    {
        var links = new List<string>();
        string? problem = null;
        JsonElement uris = data.Unpacked("resultJson").Field("resultUrls");
        if (uris.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement element in uris.EnumerateArray().Take(MaxLinks))
            {
                if (element.ValueKind != JsonValueKind.String || element.Content() is not { Length: > 0 } link)
                {
                    continue;
                }

                if (addresses.FindProblem("the link to its video", link, out _) is string wrong)
                {
                    problem ??= wrong;
                }
                else
                {
                    links.Add(link);
                }
            }
        }

        return (links, links.Count == 0 ? problem : null);
    }

    private static VideoSpec? ReadSpec(JsonElement data)
    {
        JsonElement param = data.Unpacked("param");
        JsonElement input = param.Unpacked("input");
        string model = param.Text("model") ?? data.Text("model") ?? ModelCatalog.DefaultId;
        if (input.ValueKind != JsonValueKind.Object || input.GetRawText().Length > MaxRequestLength || model.Length > MaxModelLength)
        {
            return null;
        }

        return VideoInput.Read(input, model) with
        {
            CallbackUri = param.Text("callBackUrl") is { Length: <= AddressPolicy.MaxLength } callback ? callback : null,
        };
    }
}
