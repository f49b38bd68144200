"""Kueue's objects: a queue with a quota, priorities, and a campaign that waits in it.

A campaign in the queue holds a fixed number of workers: Kueue admits it when all of them fit, and
takes them back for one of a higher priority. It goes on from the store when it is admitted again.
"""

from search.deployment.kubernetes import PART, Section, build_job_spec, list_amounts
from search.deployment.kubernetes_objects import KUEUE, PRIORITY, QUEUE, RAY
from search.deployment.settings import Deployment


def build_queues(deployment: Deployment) -> list[Section]:
    """The flavor, the queues of the cluster and of the namespace, and the priorities."""
    queue, job = deployment.kueue, deployment.kubernetes
    amounts = list_amounts(queue.quota, job.gpu_resource)
    flavor: Section = {"nodeLabels": dict(queue.nodes)} if queue.nodes else {}
    quota = [{"name": name, "nominalQuota": amount} for name, amount in amounts.items()]
    namespace = {"kubernetes.io/metadata.name": job.namespace}
    return [
        {**_head("ResourceFlavor", queue.flavor), "spec": flavor},
        {
            **_head("ClusterQueue", queue.cluster_queue),
            "spec": {
                "namespaceSelector": {"matchLabels": namespace},
                "queueingStrategy": "BestEffortFIFO",
                "preemption": {"withinClusterQueue": "LowerPriority"},
                "resourceGroups": [
                    {
                        "coveredResources": list(amounts),
                        "flavors": [{"name": queue.flavor, "resources": quota}],
                    }
                ],
            },
        },
        {
            **_head("LocalQueue", queue.local_queue, job.namespace),
            "spec": {"clusterQueue": queue.cluster_queue},
        },
        *(
            {
                **_head("WorkloadPriorityClass", one.name),
                "value": one.value,
                "description": one.description,
            }
            for one in queue.priorities
        ),
    ]


def build_queued_job(deployment: Deployment) -> Section:
    """The RayJob of a campaign that waits in the queue."""
    queue, job = deployment.kueue, deployment.kubernetes
    labels = {
        **PART,
        QUEUE: queue.local_queue,
        PRIORITY: queue.priority,
    }
    return {
        "apiVersion": RAY,
        "kind": "RayJob",
        "metadata": {
            "name": f"{deployment.name}-queued",
            "namespace": job.namespace,
            "labels": labels,
        },
        "spec": {"suspend": True, **build_job_spec(deployment, scaling=False)},
    }


def _head(kind: str, name: str, namespace: str | None = None) -> Section:
    place = {} if namespace is None else {"namespace": namespace}
    return {"apiVersion": KUEUE, "kind": kind, "metadata": {"name": name, **place}}
