using System.Text;
using System.Text.Json;
using KlingPS.Sandbox.State;

namespace KlingPS.Sandbox.Wire;

/// <summary>Writes the <c>data</c> of recordInfo: fields, order and nulls as in the service's own responses.</summary>
internal static class TaskRecordWriter
{
    /// <summary>Writes the record as of <c>now</c>; without a link, a task that succeeded has an empty list of videos.</summary>
    internal static void Write(Utf8JsonWriter writer, Job job, DateTimeOffset now, string? link)
    {
        writer.WriteStartObject();
        writer.WriteString("taskId", job.Id);
        writer.WriteString("model", job.Request.Model);
        writer.WriteString("state", job.StateAt(now));
        writer.WriteString("param", job.Request.Param);
        writer.WriteString("resultJson", job.HasSucceeded(now) ? WriteResult(link) : "");
        writer.WriteString("failCode", job.HasFailed(now) ? job.Failure?.Code : null);
        writer.WriteString("failMsg", job.HasFailed(now) ? job.Failure?.Message : null);
        if (job.HasEnded(now))
        {
            writer.WriteNumber("costTime", (long)(job.EndsAt - job.CreatedAt).TotalSeconds);
            writer.WriteNumber("completeTime", job.EndsAt.ToUnixTimeMilliseconds());
        }
        else
        {
            writer.WriteNull("costTime");
            writer.WriteNull("completeTime");
        }

        writer.WriteNumber("createTime", job.CreatedAt.ToUnixTimeMilliseconds());
        writer.WriteNumber("creditsConsumed", job.CreditsAt(now));
        writer.WriteEndObject();
    }

    internal static string WriteResult(string? link)
    {
        ReadOnlyMemory<byte> json = ServiceJson.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("resultUrls");
            if (link is not null)
            {
                writer.WriteStringValue(link);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        });
        return Encoding.UTF8.GetString(json.Span);
    }
}
